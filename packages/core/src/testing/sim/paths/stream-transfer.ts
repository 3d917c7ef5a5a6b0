/**
 * A stream of an application over a simulated path: bytes from one peer to another, as fast as the
 * stream takes them. Whatever arrives is checked byte by byte.
 */

import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import type { StreamHandle } from '../../../engine/connection/stream-port.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import type { PathPeer } from './path-peer.ts'
import { checkPlacedBytes, placedBytes } from './placed-bytes.ts'

export interface StreamTransferOptions {
  readonly priority: Priority
  readonly bytes: number
}

/** What an application writes at a time, and has not sent, at most. */
const writeBytes = 16_384
const unsentBytesMax = 4 * writeBytes

/** See the file header. */
export class StreamTransfer {
  readonly #from: PathPeer
  readonly #to: PathPeer
  readonly #protocol: string
  readonly #options: StreamTransferOptions
  #written: StreamHandle | undefined
  #read: StreamHandle | undefined
  #writtenBytes = 0
  #drainedBytes = 0
  #receivedBytes = 0
  #isFinished = false

  /** The protocol is its name: no other stream between the two has it. */
  constructor(from: PathPeer, to: PathPeer, protocol: string, options: StreamTransferOptions) {
    this.#from = from
    this.#to = to
    this.#protocol = protocol
    this.#options = options
    from.listeners.push((output) => this.#writerTold(output))
    to.listeners.push((output) => this.#readerTold(output))
  }

  /** Begins; both ends must be connected. */
  start(): void {
    this.#from.do((nowMs) => {
      const { streams } = this.#from.connections
      const opened = streams.openStream(this.#to.id, this.#protocol, this.#options.priority, nowMs)
      if (typeof opened !== 'number') throw new Error(`no stream: ${opened}`)
      this.#written = opened
      this.#write(nowMs)
    })
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Everything has come, and its end. */
  get isDone(): boolean {
    return this.#isFinished
  }

  #write(nowMs: number): void {
    const { bytes } = this.#options
    const { streams } = this.#from.connections
    while (this.#writtenBytes < bytes && this.#writtenBytes - this.#drainedBytes < unsentBytesMax) {
      const length = Math.min(writeBytes, bytes - this.#writtenBytes)
      const piece = placedBytes(this.#writtenBytes, length)
      if (streams.writeStream(this.#written!, piece, nowMs) !== 'accepted') {
        throw new Error('the stream takes less than it promised')
      }
      this.#writtenBytes += length
    }
    if (this.#writtenBytes === bytes) streams.finishStream(this.#written!, nowMs)
  }

  #writerTold(output: ConnectionOutput): void {
    if (!('stream' in output) || output.stream !== this.#written) return
    if (output.type === 'stream-drained') {
      this.#drainedBytes = output.drainedBytes
      this.#from.do((nowMs) => this.#write(nowMs))
    } else if (output.type === 'stream-lost') throw new Error('the writer lost its stream')
  }

  #readerTold(output: ConnectionOutput): void {
    if (output.type === 'stream-opened' && output.protocol === this.#protocol) {
      this.#read = output.stream
      return
    }
    if (!('stream' in output) || output.stream !== this.#read) return
    if (output.type === 'stream-data') this.#received(output.bytes)
    else if (output.type === 'stream-finished') this.#end()
    else if (output.type === 'stream-lost') throw new Error('the reader lost its stream')
  }

  #received(bytes: Uint8Array): void {
    checkPlacedBytes(bytes, this.#receivedBytes)
    this.#receivedBytes += bytes.length
    this.#to.do((nowMs) => {
      this.#to.connections.streams.consumedStream(this.#read!, bytes.length, nowMs)
    })
  }

  #end(): void {
    if (this.#receivedBytes !== this.#options.bytes) {
      throw new Error(`the stream ended after ${this.#receivedBytes} bytes`)
    }
    this.#isFinished = true
  }
}
