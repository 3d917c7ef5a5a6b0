/**
 * For tests: two ends of one connection and a network between them, in virtual time. Packets can be
 * lost, doubled and late; everything follows from a seed.
 */

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import type { EngineContext } from '../context.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { FramePayload } from '../link/link-port.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { Connection } from './connection.ts'
import { encodeFrame, type Frame } from './frame.ts'
import { decodePacket } from './packet.ts'
import { PacketProtection } from './packet-protection.ts'
import { noMarks } from './received-packets.ts'
import { StreamDirectory } from './stream-directory.ts'
import { StreamSet } from './stream-set.ts'

export const [lowerPeer, higherPeer] = ['0000000000000001', '0000000000000002'] as [PeerId, PeerId]

/** One end of the connection. */
export class VirtualEnd {
  readonly peer: PeerId
  readonly outputs: ConnectionOutput[] = []
  readonly directory: StreamDirectory
  readonly streams: StreamSet
  readonly flight = new FlightRecorder(registry)
  connection: Connection
  /** Packets on their way out. */
  readonly sent: Uint8Array[] = []
  readonly #isLower: boolean
  readonly #context: EngineContext

  constructor(isLower: boolean) {
    this.#isLower = isLower
    this.peer = isLower ? lowerPeer : higherPeer
    this.#context = {
      random: new SeededRandom(new Uint8Array(32)),
      cryptography: nobleCryptography,
      recorder: this.flight.recorder,
    }
    this.directory = new StreamDirectory(this.#context)
    this.streams = new StreamSet(this.#context, this.outputs, this.directory, {
      peer: isLower ? higherPeer : lowerPeer,
      opensEven: isLower,
      credit: { connectionBytes: 512 * 1024, streamBytes: 256 * 1024, streamCount: 128 },
    })
    this.connection = this.#connect(0)
  }

  /** Keys and packet numbers are new; nobody will hear of the packets under way. Streams go on. */
  resume(count: number, nowMs: number): void {
    this.sent.length = 0
    this.streams.everythingInFlightIsLost()
    this.connection = this.#connect(count)
    this.connection.start(nowMs)
  }

  receive(payload: Uint8Array, nowMs: number): void {
    const packet = decodePacket(payload)
    if (packet?.type !== 'protected' || this.connection.ended !== undefined) return
    const arrival = { priority: 'interactive', congestionMarked: false } as const
    this.connection.packetReceived(packet, arrival, nowMs)
  }

  /** What it has told since the last call. */
  take(): ConnectionOutput[] {
    return this.outputs.splice(0)
  }

  #connect(count: number): Connection {
    const key = (byte: number) =>
      new CipherState(new Uint8Array(32).fill(byte + 2 * count), nobleCryptography)
    const [sendKey, receiveKey] = this.#isLower ? [1, 2] : [2, 1]
    const port = {
      send: (_to: PeerId, _priority: string, payload: FramePayload) => {
        this.sent.push(wholePayload(payload))
        return 'accepted' as const
      },
      payloadBytesMax: () => 1200,
    }
    return new Connection(this.#context, port, this.outputs, {
      peer: this.#isLower ? higherPeer : lowerPeer,
      epoch: 1,
      keys: { send: key(sendKey), receive: key(receiveKey) },
      localId: this.#isLower ? 1 : 2,
      remoteId: this.#isLower ? 2 : 1,
      streams: this.streams,
      finishPacket: undefined,
    })
  }
}

export interface VirtualConditions {
  readonly lossShare: number
  readonly duplicateShare: number
  /** Packets take 5 ms, and up to that much longer. */
  readonly jitterMs: number
}

const calm: VirtualConditions = { lossShare: 0, duplicateShare: 0, jitterMs: 0 }

interface Arrival {
  readonly atMs: number
  readonly order: number
  readonly to: VirtualEnd
  readonly payload: Uint8Array
}

/** Both ends, and what is between them. */
export class VirtualNetwork {
  readonly low = new VirtualEnd(true)
  readonly high = new VirtualEnd(false)
  nowMs = 0
  conditions = calm
  readonly #random: SeededRandom
  #arrivals: Arrival[] = []
  #order = 0
  #resumeCount = 0

  constructor(seed = 1) {
    const bytes = new Uint8Array(32)
    new DataView(bytes.buffer).setFloat64(0, seed)
    this.#random = new SeededRandom(bytes)
    this.low.connection.start(0)
    this.high.connection.start(0)
  }

  /** The other end. */
  otherOf(end: VirtualEnd): VirtualEnd {
    return end === this.low ? this.high : this.low
  }

  /** Runs until nothing is left to do, at most that long. False when something still is. */
  run(durationMs = 600_000): boolean {
    const untilMs = this.nowMs + durationMs
    for (;;) {
      for (const end of [this.low, this.high]) {
        if (end.connection.ended === undefined) end.connection.streamsChanged(this.nowMs)
        this.#carry(end)
      }
      const next = this.#arrivals[0]
      const deadlineMs = Math.min(this.#deadlineOf(this.low), this.#deadlineOf(this.high))
      const atMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, deadlineMs)
      if (atMs === Number.POSITIVE_INFINITY) return true
      if (atMs > untilMs) {
        this.nowMs = untilMs
        return false
      }
      this.nowMs = Math.max(this.nowMs, atMs)
      if (next !== undefined && next.atMs <= this.nowMs) {
        this.#arrivals.shift()
        next.to.receive(next.payload, this.nowMs)
      } else {
        for (const { connection } of [this.low, this.high]) {
          if (connection.ended === undefined) connection.handleDeadline(this.nowMs)
        }
      }
    }
  }

  /** Both ends get new keys; what was under way is gone. */
  resume(): void {
    this.#arrivals = []
    this.#resumeCount += 1
    this.low.resume(this.#resumeCount, this.nowMs)
    this.high.resume(this.#resumeCount, this.nowMs)
  }

  #deadlineOf({ connection }: VirtualEnd): number {
    return connection.ended === undefined ? connection.nextDeadlineMs() : Number.POSITIVE_INFINITY
  }

  #carry(end: VirtualEnd): void {
    const { lossShare, duplicateShare, jitterMs } = this.conditions
    for (const payload of end.sent.splice(0)) {
      if (this.#random.fraction() < lossShare) continue
      const copies = this.#random.fraction() < duplicateShare ? 2 : 1
      for (let copy = 0; copy < copies; copy += 1) {
        const atMs = this.nowMs + 5 + this.#random.fraction() * jitterMs
        const arrival = { atMs, order: this.#order++, to: this.otherOf(end), payload }
        const later = this.#arrivals.findIndex((other) => other.atMs > atMs)
        this.#arrivals.splice(later < 0 ? this.#arrivals.length : later, 0, arrival)
      }
    }
  }
}

/** A member of the mesh at the other end of a connection, that says what it is told to say. */
export class HostileEnd {
  readonly end: VirtualEnd
  readonly #protection: PacketProtection
  #receivedCount = 0

  /** `isLower` is the end it talks to. */
  constructor(isLower: boolean) {
    this.end = new VirtualEnd(isLower)
    const key = (byte: number) => new CipherState(new Uint8Array(32).fill(byte), nobleCryptography)
    const [sendKey, receiveKey] = isLower ? [2, 1] : [1, 2]
    this.#protection = new PacketProtection({ send: key(sendKey), receive: key(receiveKey) }, 0)
    this.end.connection.start(0)
  }

  /** Acknowledges every packet that was sent to it. */
  acknowledgeAll(nowMs: number, marks = noMarks): void {
    this.end.connection.streamsChanged(nowMs)
    this.#receivedCount += this.end.sent.splice(0).length
    const ranges = [{ start: 0, end: this.#receivedCount }]
    if (this.#receivedCount === 0) return
    this.say(nowMs, { type: 'acknowledgement', delayMs: 0, ranges, marks })
  }

  say(nowMs: number, ...frames: readonly Frame[]): void {
    const writer = new ByteWriter()
    for (const frame of frames) encodeFrame(frame, writer)
    const { parts } = this.#protection.seal(writer.view(), -1, nowMs)
    this.end.receive(wholePayload(parts), nowMs)
  }
}
