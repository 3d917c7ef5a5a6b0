/**
 * For tests: the connections of a few peers over a network that loses, doubles and reorders, in
 * virtual time. Everything follows from a seed. Handshakes are real ones, unlike in
 * virtual-network.ts.
 */

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { EventQueue } from '../../testing/sim/world/event-queue.ts'
import { assert } from '../assert.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import type { PacketPort, PacketSendResult } from '../mesh/packet-port.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { Connections } from './connections.ts'
import type { KeyLimits } from './key-phases.ts'
import type { Arrival } from './received-packets.ts'

// Identities take long to make: they are shared by all tests. Sorted by peer id.
export const identities = [1, 2, 3]
  .map((byte) => new Identity(new Uint8Array(32).fill(byte), nobleCryptography))
  .sort((left, right) => (left.peer < right.peer ? -1 : 1))
export const [lowIdentity, highIdentity] = [identities[0]!, identities[1]!]
export const low = lowIdentity.peer
export const high = highIdentity.peer
const secret = new Uint8Array(32).fill(7)

/** How packets arrive where nothing else is said. */
export const unmarked: Arrival = { priority: 'interactive', congestionMarked: false }

export interface Conditions {
  readonly lossShare: number
  readonly duplicateShare: number
  readonly delayMsMin: number
  readonly delayMsMax: number
  readonly packetBytes: number
  /** Bytes that one end's queue takes before `full`, and how fast it drains. */
  readonly queueBytes: number
  readonly bytesPerMs: number
}

export const calm: Conditions = {
  lossShare: 0,
  duplicateShare: 0,
  delayMsMin: 5,
  delayMsMax: 5,
  packetBytes: 16 * 1024,
  queueBytes: 256 * 1024,
  bytesPerMs: 20_000,
}

/** A peer's connections and everything they told. */
export class End {
  readonly peer: PeerId
  readonly outputs: ConnectionOutput[] = []
  readonly flight = new FlightRecorder(registry, { level: 'debug' })
  readonly connections: Connections
  queuedBytes = 0
  /** When what is queued has left. */
  clearAtMs = 0
  wasFull = false
  /** Every protected packet's connection id and number field, to look for reuse. */
  readonly sent: Uint8Array[] = []

  constructor(network: Network, identity: Identity, options: EndOptions = {}) {
    this.peer = identity.peer
    const context = {
      random: new SeededRandom(
        nobleCryptography.sha256(Uint8Array.of(options.seed ?? 1, identity.publicKey[0]!)),
      ),
      cryptography: nobleCryptography,
      recorder: this.flight.recorder,
    }
    this.connections = new Connections(
      context,
      {
        identity,
        app: 'test',
        secret: options.secret ?? secret,
        epoch: options.epoch ?? 1,
        ...(options.keyLimits && { keyLimits: options.keyLimits }),
      },
      network.portOf(this),
    )
  }

  counter(name: string): number {
    return this.flight.snapshot().counters[`connection.${name}`] ?? 0
  }

  of<Type extends ConnectionOutput['type']>(type: Type): (ConnectionOutput & { type: Type })[] {
    return this.outputs.filter((output) => output.type === type) as (ConnectionOutput & {
      type: Type
    })[]
  }
}

export interface EndOptions {
  readonly epoch?: number
  readonly secret?: Uint8Array
  readonly seed?: number
  readonly keyLimits?: KeyLimits
}

/** Any number of ends, each connected with each; one clock, one seed. */
export class Network {
  nowMs = 0
  conditions: Conditions
  connected = true
  /** An end whose timers do not run. */
  frozen: End | undefined
  /** Called for each packet on its way; false swallows it. */
  filter: (from: PeerId, to: PeerId, payload: Uint8Array) => boolean = () => true
  readonly ends = new Map<PeerId, End>()
  readonly #random: SeededRandom
  readonly #events = new EventQueue()

  constructor(conditions: Conditions = calm, seed = 1) {
    this.conditions = conditions
    this.#random = new SeededRandom(new Uint8Array(32).fill(seed))
  }

  add(identity: Identity, options: EndOptions = {}): End {
    const end = new End(this, identity, options)
    this.ends.set(identity.peer, end)
    return end
  }

  portOf(end: End): PacketPort {
    return {
      send: (to, _priority, payload) => this.#send(end, to, wholePayload(payload)),
      payloadBytesMax: () => (this.connected ? this.conditions.packetBytes : 0),
    }
  }

  /** All routes vanish or come back, and everybody is told. */
  setConnected(connected: boolean): void {
    this.connected = connected
    for (const end of this.ends.values()) {
      for (const other of this.ends.keys()) {
        if (other === end.peer) continue
        if (connected) end.connections.peerReachable(other, this.nowMs)
        else end.connections.peerUnreachable(other, this.nowMs)
      }
    }
    this.drain()
  }

  at(atMs: number, run: () => void): void {
    this.#events.push(atMs, run)
  }

  drain(): void {
    for (const end of this.ends.values()) {
      for (let output = end.connections.poll(); output; output = end.connections.poll()) {
        end.outputs.push(output)
        if (output.type === 'stream-data') {
          end.connections.streams.consumedStream(output.stream, output.bytes.length, this.nowMs)
        }
      }
    }
  }

  /** The next moment at which anything happens. */
  nextMs(): number {
    let nextMs = this.#events.nextAtMs
    for (const end of this.ends.values()) {
      if (end !== this.frozen) nextMs = Math.min(nextMs, end.connections.nextDeadlineMs())
    }
    return nextMs
  }

  /** Runs until nothing is left to do, the condition holds or the time is up. */
  run(untilMs = Number.POSITIVE_INFINITY, done: () => boolean = () => false): void {
    let idleRounds = 0
    this.drain()
    while (!done()) {
      const nextMs = this.nextMs()
      if (nextMs === Number.POSITIVE_INFINITY || nextMs > untilMs) {
        if (untilMs !== Number.POSITIVE_INFINITY) this.nowMs = Math.max(this.nowMs, untilMs)
        return
      }
      idleRounds = nextMs > this.nowMs ? 0 : idleRounds + 1
      assert(idleRounds < 100_000, 'time goes on')
      this.nowMs = Math.max(this.nowMs, nextMs)
      if (this.#events.nextAtMs <= this.nowMs) this.#events.pop()?.()
      for (const end of this.ends.values()) {
        const isDue = end.connections.nextDeadlineMs() <= this.nowMs
        if (isDue && end !== this.frozen) end.connections.handleDeadline(this.nowMs)
      }
      this.drain()
    }
  }

  #send(end: End, to: PeerId, payload: Uint8Array): PacketSendResult {
    if (!this.connected) return 'no-route'
    assert(payload.length <= this.conditions.packetBytes, 'a packet fits its path')
    if (end.queuedBytes > 0 && end.queuedBytes + payload.length > this.conditions.queueBytes) {
      end.wasFull = true
      return 'full'
    }
    if (payload[0]! >= 0x40) end.sent.push(payload.slice(0, 9))
    end.queuedBytes += payload.length
    end.clearAtMs =
      Math.max(this.nowMs, end.clearAtMs) + payload.length / this.conditions.bytesPerMs
    this.at(end.clearAtMs, () => {
      end.queuedBytes -= payload.length
      const isHalfEmpty = end.queuedBytes <= this.conditions.queueBytes / 2
      if (end.wasFull && isHalfEmpty) {
        end.wasFull = false
        end.connections.packetsWritable(this.nowMs)
      }
    })
    if (!this.filter(end.peer, to, payload)) return 'accepted'
    const { lossShare, duplicateShare, delayMsMin, delayMsMax } = this.conditions
    const copies = this.#random.fraction() < duplicateShare ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#random.fraction() < lossShare) continue
      const delayMs = delayMsMin + this.#random.fraction() * (delayMsMax - delayMsMin)
      this.at(end.clearAtMs + delayMs, () => {
        if (!this.connected) return
        this.ends.get(to)?.connections.packetReceived(end.peer, payload, unmarked, this.nowMs)
      })
    }
    return 'accepted'
  }
}

/** Two ends with a connection, opened by the lower one. */
export function connectedPair(
  conditions: Conditions = calm,
  seed = 1,
): { network: Network; a: End; b: End } {
  const network = new Network(conditions, seed)
  const a = network.add(lowIdentity)
  const b = network.add(highIdentity)
  a.connections.open(high, network.nowMs)
  // Pauses double up to a minute where packets are lost.
  network.run(600_000, () => a.of('connected').length > 0 && b.of('connected').length > 0)
  assert(a.of('connected').length === 1 && b.of('connected').length === 1, 'both are connected')
  return { network, a, b }
}

/** Bytes that tell their place, so that any slip shows. */
export function patternBytes(length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index += 1)
    bytes[index] = (index * 31 + (index >> 8) + salt) & 0xff
  return bytes
}

/** Sends all messages of all streams, waiting for `stream-writable` where a stream is full. */
export function sendAll(
  network: Network,
  from: End,
  to: PeerId,
  messages: Readonly<Partial<Record<Priority, readonly Uint8Array[]>>>,
): void {
  const waiting = new Map(priorities.map((stream) => [stream, [...(messages[stream] ?? [])]]))
  let readOutputs = from.outputs.length
  const push = (stream: Priority) => {
    const queue = waiting.get(stream)!
    while (queue.length > 0) {
      const result = from.connections.send(to, stream, queue[0]!, network.nowMs)
      if (result !== 'accepted') return
      queue.shift()
    }
  }
  for (const stream of priorities) push(stream)
  const pump = () => {
    network.drain()
    for (; readOutputs < from.outputs.length; readOutputs += 1) {
      const output = from.outputs[readOutputs]!
      if (output.type === 'stream-writable') push(output.stream)
    }
    if ([...waiting.values()].some((queue) => queue.length > 0)) network.at(network.nowMs + 1, pump)
  }
  pump()
}

/** What arrived on each stream, in order. */
export function arrivedOn(end: End, stream: Priority): Uint8Array[] {
  return end
    .of('message')
    .filter((output) => output.stream === stream)
    .map((output) => output.message)
}
