/**
 * One application's end of one stream: it writes within its credit, reads as slowly as it likes, and
 * ends each direction as its transfer says. It is over when its boot is.
 */

import { streamWriteBytesMax, type StreamHandle } from '../../../engine/connection/stream-port.ts'
import type { ApplicationStreamEvent } from '../../../engine/output.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'
import type { Flow } from './flow.ts'

/** How an end behaves. */
export interface StreamManners {
  /** Bytes of each write. */
  readonly writeBytes: number
  /** Between two writes; 0 for as fast as credit allows. */
  readonly writeMs: number
  /** How long the reader takes over what it is handed; 0 for none. */
  readonly readMs: number
  /** The writer gives up after so many bytes. */
  readonly resetsAfterBytes?: number | undefined
  /** The reader gives up after so many bytes. */
  readonly stopsAfterBytes?: number | undefined
}

/** Where an end is and what it has to do with the other. */
export interface StreamSetting {
  readonly world: World
  readonly peer: SimulatedPeer
  readonly stream: StreamHandle
  readonly manners: StreamManners
  /** How many connections to the other peer have ended, at this one. */
  readonly endedCount: () => number
  /** The boot at the other end goes on, and its reader takes what it is handed at once. */
  readonly isOtherPrompt: () => boolean
}

/** What a reader holds at most: the greatest window of a stream, and a packet that fits into none. */
const untakenBytesMax = 1_024 * 1_024 + 64 * 1_024

/** See the file header. */
export class StreamEnd {
  readonly writing: Flow
  readonly reading: Flow
  readonly #setting: StreamSetting
  readonly #epoch: number
  readonly #endedCount: number
  #drainedBytes = 0
  #takenBytes = 0
  #isWaiting = false

  constructor(setting: StreamSetting, writing: Flow, reading: Flow) {
    this.writing = writing
    this.reading = reading
    this.#setting = setting
    this.#epoch = setting.peer.epoch
    this.#endedCount = setting.endedCount()
  }

  /** Takes at once what it is handed. */
  get isPrompt(): boolean {
    return this.isUp && this.#setting.manners.readMs === 0
  }

  get isUp(): boolean {
    return this.#setting.peer.epoch === this.#epoch
  }

  /** Both directions have come to an end here. */
  get isOver(): boolean {
    return this.writing.writer !== 'open' && this.reading.reader !== 'open'
  }

  take(event: ApplicationStreamEvent): void {
    switch (event.type) {
      case 'stream-data':
        return this.#received(event.bytes)
      case 'stream-finished':
        return this.reading.finished()
      case 'stream-reset':
        return this.reading.wasReset(event.code)
      case 'stream-stopped':
        return this.#wasStopped(event.code)
      case 'stream-drained':
        return this.#drained(event.drainedBytes)
      case 'stream-delivered':
        return this.writing.delivered(this.#setting.isOtherPrompt())
      case 'stream-lost':
        return this.#lost()
      default:
    }
  }

  /** Streams end with their connection only: whatever happens to its path, they go on. */
  #lost(): void {
    const { world, endedCount } = this.#setting
    if (Number.isFinite(endedCount()) && endedCount() === this.#endedCount) {
      const { number } = this.writing
      world.violated('stream-end', `flow ${number} is lost, and its connection goes on`)
    }
    if (this.writing.writer === 'open') this.writing.writer = 'lost'
    if (this.reading.reader === 'open') this.reading.reader = 'lost'
  }

  /** Writes what credit and patience allow. */
  write(): void {
    const { world, manners, peer, stream } = this.#setting
    const { writeBytes, writeMs, resetsAfterBytes } = manners
    const flow = this.writing
    while (this.isUp && flow.writer === 'open' && !this.#isWaiting) {
      if (flow.writtenBytes >= (resetsAfterBytes ?? Number.POSITIVE_INFINITY)) {
        flow.writer = 'reset'
        return peer.tellStream({ type: 'stream-reset', stream, code: flow.resetCode })
      }
      const isFull = flow.writtenBytes - this.#drainedBytes >= streamWriteBytesMax
      if (isFull || flow.isFinished) return
      peer.tellStream({ type: 'stream-written', stream, ...flow.write(writeBytes) })
      if (writeMs === 0) continue
      this.#isWaiting = true
      world.after(writeMs, () => {
        this.#isWaiting = false
        this.write()
      })
    }
  }

  #received(bytes: Uint8Array): void {
    const { world, peer, stream, manners } = this.#setting
    const flow = this.reading
    flow.received(bytes)
    const untakenBytes = flow.receivedBytes - this.#takenBytes
    if (untakenBytes > untakenBytesMax && flow.reader === 'open') {
      world.violated('stream-credit', `flow ${flow.number} has ${untakenBytes} bytes untaken`)
    }
    if (flow.reader !== 'open') return
    const { stopsAfterBytes, readMs } = manners
    if (flow.receivedBytes >= (stopsAfterBytes ?? Number.POSITIVE_INFINITY)) {
      flow.reader = 'stopped'
      return peer.tellStream({ type: 'stream-stopped', stream, code: flow.stopCode })
    }
    if (readMs === 0) this.#consume(bytes.length)
    else world.after(readMs, () => this.#consume(bytes.length))
  }

  #consume(bytes: number): void {
    if (!this.isUp) return
    this.#takenBytes += bytes
    const { peer, stream } = this.#setting
    peer.tellStream({ type: 'stream-consumed', stream, bytes })
  }

  #drained(drainedBytes: number): void {
    const { number, writtenBytes } = this.writing
    if (drainedBytes < this.#drainedBytes || drainedBytes > writtenBytes) {
      const what = `${drainedBytes} bytes have left after ${this.#drainedBytes}`
      const sentence = `flow ${number}: ${what}, of ${writtenBytes}`
      this.#setting.world.violated('stream-credit', sentence)
    }
    this.#drainedBytes = drainedBytes
    this.write()
  }

  #wasStopped(code: number): void {
    const { peer, stream } = this.#setting
    this.writing.wasStopped(code)
    // Says that the writer has heard of it.
    peer.tellStream({ type: 'stream-reset', stream, code: 0 })
  }
}
