/** Virtual connections over a network that loses, doubles and reorders, in virtual time. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import type { PacketPort, PacketSendResult } from '../mesh/packet-port.ts'
import { answeredHandshakesMax } from './answers.ts'
import type { ConnectionOutput } from './connection-output.ts'
import { congestionWindowBytesMax } from './congestion.ts'
import { Connections } from './connections.ts'
import { packetsInFlightMax } from './loss-recovery.ts'
import { messageBytesMax } from './message-port.ts'
import { handshakeReportMs } from './openings.ts'
import { parkMsMax } from './parking.ts'
import type { Arrival } from './received-packets.ts'
import { unsentBytesMax } from './message-stream.ts'

// Identities take long to make: they are shared by all tests. Sorted by peer id.
const identities = [1, 2, 3]
  .map((byte) => new Identity(new Uint8Array(32).fill(byte), nobleCryptography))
  .sort((left, right) => (left.peer < right.peer ? -1 : 1))
const [lowIdentity, highIdentity] = [identities[0]!, identities[1]!]
const low = lowIdentity.peer
const high = highIdentity.peer
const secret = new Uint8Array(32).fill(7)
const unmarked: Arrival = { priority: 'interactive', congestionMarked: false }

interface Conditions {
  readonly lossShare: number
  readonly duplicateShare: number
  readonly delayMsMin: number
  readonly delayMsMax: number
  readonly packetBytes: number
  /** Bytes that one end's queue takes before `full`, and how fast it drains. */
  readonly queueBytes: number
  readonly bytesPerMs: number
}

const calm: Conditions = {
  lossShare: 0,
  duplicateShare: 0,
  delayMsMin: 5,
  delayMsMax: 5,
  packetBytes: 16 * 1024,
  queueBytes: 256 * 1024,
  bytesPerMs: 20_000,
}

/** A peer's connections and everything they told. */
class End {
  readonly peer: PeerId
  readonly outputs: ConnectionOutput[] = []
  readonly flight = new FlightRecorder(registry, { level: 'debug' })
  connections: Connections
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
      { identity, app: 'test', secret: options.secret ?? secret, epoch: options.epoch ?? 1 },
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

interface EndOptions {
  readonly epoch?: number
  readonly secret?: Uint8Array
  readonly seed?: number
}

/** Any number of ends, each connected with each; one clock, one seed. */
class Network {
  nowMs = 0
  conditions: Conditions
  connected = true
  /** Called for each packet on its way; false swallows it. */
  filter: (from: PeerId, to: PeerId, payload: Uint8Array) => boolean = () => true
  readonly ends = new Map<PeerId, End>()
  readonly #random: SeededRandom
  readonly #events: { atMs: number; order: number; run: () => void }[] = []
  #order = 0

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
    this.#order += 1
    const event = { atMs, order: this.#order, run }
    let index = this.#events.length
    while (index > 0 && this.#events[index - 1]!.atMs > atMs) index -= 1
    this.#events.splice(index, 0, event)
  }

  drain(): void {
    for (const end of this.ends.values()) {
      for (let output = end.connections.poll(); output; output = end.connections.poll()) {
        end.outputs.push(output)
      }
    }
  }

  /** The next moment at which anything happens. */
  nextMs(): number {
    let nextMs = this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY
    for (const end of this.ends.values()) {
      nextMs = Math.min(nextMs, end.connections.nextDeadlineMs())
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
      expect(idleRounds, 'time stands still').toBeLessThan(100_000)
      this.nowMs = Math.max(this.nowMs, nextMs)
      const event = this.#events[0]
      if (event !== undefined && event.atMs <= this.nowMs) {
        this.#events.shift()
        event.run()
      }
      for (const end of this.ends.values()) {
        if (end.connections.nextDeadlineMs() <= this.nowMs)
          end.connections.handleDeadline(this.nowMs)
      }
      this.drain()
    }
  }

  #send(end: End, to: PeerId, payload: Uint8Array): PacketSendResult {
    if (!this.connected) return 'no-route'
    expect(payload.length).toBeLessThanOrEqual(this.conditions.packetBytes)
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
function connectedPair(
  conditions: Conditions = calm,
  seed = 1,
): { network: Network; a: End; b: End } {
  const network = new Network(conditions, seed)
  const a = network.add(lowIdentity)
  const b = network.add(highIdentity)
  a.connections.open(high, network.nowMs)
  network.run(60_000, () => a.of('connected').length > 0 && b.of('connected').length > 0)
  expect(a.of('connected')).toHaveLength(1)
  expect(b.of('connected')).toHaveLength(1)
  return { network, a, b }
}

/** Bytes that tell their place, so that any slip shows. */
function patternBytes(length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index += 1)
    bytes[index] = (index * 31 + (index >> 8) + salt) & 0xff
  return bytes
}

/** Sends all messages of all streams, waiting for `stream-writable` where a stream is full. */
function sendAll(
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
function arrivedOn(end: End, stream: Priority): Uint8Array[] {
  return end
    .of('message')
    .filter((output) => output.stream === stream)
    .map((output) => output.message)
}

function expectSame(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  expect(actual.map((bytes) => bytes.length)).toEqual(expected.map((bytes) => bytes.length))
  for (const [index, bytes] of actual.entries()) {
    expect(Buffer.compare(bytes, expected[index]!), `message ${index}`).toBe(0)
  }
}

describe('handshake', { timeout: 60_000 }, () => {
  test('[CN11] both ends learn the epoch of the other', () => {
    const network = new Network()
    const a = network.add(lowIdentity, { epoch: 3 })
    const b = network.add(highIdentity, { epoch: 9 })
    a.connections.open(high, 0)
    network.run(10_000)
    expect(a.outputs).toEqual([{ type: 'connected', peer: high, epoch: 9 }])
    expect(b.outputs).toEqual([{ type: 'connected', peer: low, epoch: 3 }])
  })

  test('[CN2] no handshake packet is larger than 1,200 bytes', () => {
    const network = new Network({ ...calm, packetBytes: 1200 })
    const a = network.add(lowIdentity, { epoch: Number.MAX_SAFE_INTEGER })
    network.add(highIdentity, { epoch: Number.MAX_SAFE_INTEGER })
    let largest = 0
    network.filter = (_from, _to, payload) => {
      largest = Math.max(largest, payload.length)
      return true
    }
    a.connections.open(high, 0)
    network.run(10_000)
    expect(a.of('connected')).toHaveLength(1)
    expect(largest).toBeLessThan(400)
  })

  test('[CN12] opened by both in the same moment, it takes no longer', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity)
    a.connections.open(high, 0)
    b.connections.open(low, 0)
    network.run(100)
    expect(a.of('connected')).toHaveLength(1)
    expect(b.of('connected')).toHaveLength(1)
  })

  test('[CN12] opened by both at once, one connection comes of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 700 }),
        (seed, gapMs) => {
          const conditions = { ...calm, delayMsMax: 400, duplicateShare: 0.2 }
          const network = new Network(conditions, seed)
          const a = network.add(lowIdentity)
          const b = network.add(highIdentity)
          b.connections.open(low, 0)
          network.run(gapMs)
          a.connections.open(high, network.nowMs)
          network.run(60_000)
          expect(a.of('connected')).toHaveLength(1)
          expect(b.of('connected')).toHaveLength(1)
          expect(a.of('disconnected')).toHaveLength(0)
          a.connections.send(high, 'control', Uint8Array.of(1), network.nowMs)
          b.connections.send(low, 'control', Uint8Array.of(2), network.nowMs)
          network.run(120_000)
          expect(a.of('message')).toHaveLength(1)
          expect(b.of('message')).toHaveLength(1)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('[CN11] lost and doubled handshake packets delay the connection, no more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), (seed) => {
        const conditions = { ...calm, lossShare: 0.4, duplicateShare: 0.3, delayMsMax: 100 }
        const { network, a, b } = connectedPair(conditions, seed)
        a.connections.send(high, 'sync', Uint8Array.of(1), network.nowMs)
        network.run(network.nowMs + 120_000)
        expect(arrivedOn(b, 'sync')).toHaveLength(1)
        expect(a.of('disconnected')).toHaveLength(0)
      }),
      { numRuns: 20 },
    )
  })

  test('[CN13] another secret is named on both sides and never connects', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity, { secret: new Uint8Array(32).fill(8) })
    a.connections.open(high, 0)
    network.run(20_000)
    for (const end of [a, b]) {
      expect(end.outputs.map((output) => output.type)).toEqual(['problem'])
      expect(end.of('problem')[0]!.problem.code).toBe('secret-mismatch')
    }
  })

  test.each([
    ['another identity', identities[2]!.publicKey],
    ['another static key than the one certified', highIdentity.publicKey],
  ])('[CN13] a member with %s is not the peer that was addressed', (_name, publicKey) => {
    const { staticKeys, certificate } = identities[2]!
    const claimed = { peer: high, publicKey, staticKeys, certificate } as unknown as Identity
    for (const opener of ['honest', 'impostor']) {
      const network = new Network()
      const a = network.add(lowIdentity)
      const impostor = network.add(claimed)
      if (opener === 'honest') a.connections.open(high, 0)
      else impostor.connections.open(low, 0)
      network.run(20_000)
      expect(a.of('connected')).toHaveLength(0)
      expect(a.counter('handshakesRefused')).toBeGreaterThan(0)
      const codes = a.of('problem').map((output) => output.problem.code)
      expect(codes).toEqual(['identity-mismatch'])
    }
  })

  test('[CN11] a peer that has a route and does not answer is reported once', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    a.connections.open(high, 0)
    network.run(handshakeReportMs * 4)
    expect(a.outputs.map((output) => output.type)).toEqual(['problem'])
    expect(a.of('problem')[0]!.problem.code).toBe('handshake-failed')
  })

  test('[CN11] an opening waits for a route', () => {
    const network = new Network()
    network.connected = false
    const a = network.add(lowIdentity)
    network.add(highIdentity)
    a.connections.open(high, 0)
    expect(network.nextMs()).toBe(parkMsMax)
    network.run(5000)
    network.setConnected(true)
    network.run(10_000)
    expect(a.of('connected')).toHaveLength(1)
  })

  test('[CN1] another version is refused and named', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity)
    network.filter = (_from, to, payload) => {
      if (to === high && payload[0] === 0x01) payload[1] = 99
      return true
    }
    a.connections.open(high, 0)
    network.run(5000)
    for (const end of [a, b]) {
      expect(end.of('problem')[0]!.problem.code).toBe('protocol-version-mismatch')
    }
  })
})

describe('messages', { timeout: 60_000 }, () => {
  const length = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 3000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 200_000 }) },
  )
  const lengths = fc.array(length, { maxLength: 25 })

  test('[ST1][ST2] arrive exactly once and in order, whatever the network does', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 0, max: 255 }),
          lossShare: fc.constantFrom(0, 0.02, 0.2),
          duplicateShare: fc.constantFrom(0, 0.1),
          delayMsMax: fc.constantFrom(5, 20, 200),
          packetBytes: fc.constantFrom(1200, 4096, 65_536),
          queueBytes: fc.constantFrom(4096, 262_144),
          bytesPerMs: fc.constantFrom(200, 20_000),
          sent: fc.tuple(lengths, lengths, lengths, lengths),
          answered: fc.tuple(lengths, lengths, lengths, lengths),
        }),
        ({ seed, sent, answered, ...rest }) => {
          const { network, a, b } = connectedPair({ ...calm, ...rest }, seed)
          const toMessages = (all: readonly (readonly number[])[]) =>
            Object.fromEntries(
              priorities.map((stream, rank) => [
                stream,
                all[rank]!.map((bytes, index) => patternBytes(bytes, index + rank)),
              ]),
            )
          const there = toMessages(sent)
          const back = toMessages(answered)
          sendAll(network, a, high, there)
          sendAll(network, b, low, back)
          network.run(network.nowMs + 3_600_000)
          for (const stream of priorities) {
            expectSame(arrivedOn(b, stream), there[stream]!)
            expectSame(arrivedOn(a, stream), back[stream]!)
          }
          expect(a.of('disconnected')).toHaveLength(0)
          expect(network.nextMs(), 'an idle connection has no deadline').toBe(
            Number.POSITIVE_INFINITY,
          )
          for (const end of [a, b]) {
            const numbers = end.sent.map((header) => Buffer.from(header).toString('hex'))
            expect(new Set(numbers).size).toBe(numbers.length)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('[ST3] a message of 16 MiB passes through windows smaller than it', () => {
    const { network, a, b } = connectedPair()
    const message = patternBytes(messageBytesMax, 3)
    sendAll(network, a, high, { sync: [message] })
    network.run(network.nowMs + 600_000)
    expectSame(arrivedOn(b, 'sync'), [message])
  })

  test('[ST9] a keystroke overtakes a transfer', () => {
    const slow = { ...calm, packetBytes: 1200, queueBytes: 4096, bytesPerMs: 100 }
    const { network, a, b } = connectedPair(slow)
    a.connections.send(high, 'bulk', patternBytes(900_000, 1), network.nowMs)
    network.run(network.nowMs + 500)
    const startMs = network.nowMs
    a.connections.send(high, 'interactive', Uint8Array.of(1), network.nowMs)
    network.run(startMs + 10_000, () => b.of('message').length > 0)
    expect(network.nowMs - startMs).toBeLessThan(200)
  })

  test('[ST9] a stream with 1 MiB unsent is full, and says when it takes messages again', () => {
    const { network, a } = connectedPair()
    const message = patternBytes(300_000, 1)
    let accepted = 0
    network.conditions = { ...calm, bytesPerMs: 100 }
    while (a.connections.send(high, 'bulk', message, network.nowMs) === 'accepted') accepted += 1
    expect(accepted).toBeGreaterThanOrEqual(4)
    expect(accepted).toBeLessThan(10)
    expect(a.of('stream-writable')).toHaveLength(0)
    network.run(network.nowMs + 600_000)
    expect(a.of('stream-writable')).toEqual([
      { type: 'stream-writable', peer: high, stream: 'bulk' },
    ])
    expect(a.connections.send(high, 'bulk', message, network.nowMs)).toBe('accepted')
  })

  test('[RC9] 100 MB pass with every queue within its bound', () => {
    const conditions = {
      ...calm,
      packetBytes: 64 * 1024,
      queueBytes: 512 * 1024,
      bytesPerMs: 50_000,
    }
    const { network, a, b } = connectedPair(conditions)
    const message = patternBytes(500_000, 1)
    const total = 200
    sendAll(network, a, high, { bulk: Array.from({ length: total }, () => message) })
    const startMs = network.nowMs
    let peak = 0
    network.run(network.nowMs + 600_000, () => {
      const sending = a.connections.measure(high)!
      peak = Math.max(peak, sending.sendBufferBytes)
      expect(sending.bytesInFlight).toBeLessThanOrEqual(congestionWindowBytesMax + 64 * 1024)
      expect(sending.packetsInFlight).toBeLessThanOrEqual(packetsInFlightMax + 4)
      expect(b.connections.measure(low)!.receiveBufferBytes).toBeLessThanOrEqual(2 * 1024 * 1024)
      return b.counter('messagesReceived') === total
    })
    expect(peak).toBeLessThanOrEqual(unsentBytesMax + congestionWindowBytesMax + 2 * message.length)
    // 50 MB/s is what the path gives.
    const share = (total * message.length) / 50_000 / (network.nowMs - startMs)
    expect(share).toBeGreaterThan(0.8)
    expectSame(arrivedOn(b, 'bulk').slice(-1), [message])
  })

  test('[CN20] datagrams: the latest of a key, and too large ones are counted', () => {
    const { network, a, b } = connectedPair({ ...calm, packetBytes: 1200, queueBytes: 1200 })
    a.connections.send(high, 'control', patternBytes(5000, 1), network.nowMs)
    for (let value = 0; value < 10; value += 1) {
      a.connections.sendDatagram(high, 'cursor', Uint8Array.of(value), network.nowMs)
    }
    a.connections.sendDatagram(high, 'large', new Uint8Array(2000), network.nowMs)
    a.connections.sendDatagram(high, 'huge', new Uint8Array(70_000), network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(b.of('datagram').map((output) => [...output.payload])).toEqual([[9]])
    expect(a.counter('datagramsTooLarge')).toBe(2)
  })
})

describe('life', { timeout: 60_000 }, () => {
  test('[CN22] parked without a route: no timer but the last, and nothing is lost', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 1, max: 60 }),
        (seed, cutMs) => {
          const { network, a, b } = connectedPair(
            { ...calm, bytesPerMs: 2000, lossShare: 0.02 },
            seed,
          )
          const messages = Array.from({ length: 30 }, (_, index) => patternBytes(20_000, index))
          sendAll(network, a, high, { bulk: messages.slice(0, 20) })
          network.run(network.nowMs + cutMs)
          network.setConnected(false)
          const cutAtMs = network.nowMs
          for (const message of messages.slice(20)) {
            expect(a.connections.send(high, 'bulk', message, network.nowMs)).toBe('accepted')
          }
          network.run(network.nowMs + 2000)
          expect(a.connections.nextDeadlineMs()).toBe(cutAtMs + parkMsMax)
          network.run(cutAtMs + parkMsMax - 1000)
          network.setConnected(true)
          network.run(network.nowMs + 60_000)
          expectSame(arrivedOn(b, 'bulk'), messages)
          expect(a.of('disconnected')).toHaveLength(0)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('[CN22] a peer unreachable for ten minutes is given up', () => {
    const { network, a, b } = connectedPair()
    network.setConnected(false)
    network.run(network.nowMs + parkMsMax + 1)
    for (const [end, peer] of [
      [a, high],
      [b, low],
    ] as const) {
      expect(end.of('disconnected')).toEqual([{ type: 'disconnected', peer, reason: 'expired' }])
      expect(end.connections.send(peer, 'control', Uint8Array.of(1), network.nowMs)).toBe(
        'no-connection',
      )
    }
    expect(network.nextMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[CN23] a restarted peer replaces its connection', () => {
    const { network, a } = connectedPair()
    const reborn = network.add(highIdentity, { epoch: 2, seed: 2 })
    reborn.connections.open(low, network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(a.outputs).toEqual([
      { type: 'connected', peer: high, epoch: 1 },
      { type: 'disconnected', peer: high, reason: 'restarted' },
      { type: 'connected', peer: high, epoch: 2 },
    ])
    a.connections.send(high, 'sync', Uint8Array.of(1), network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(reborn.of('message')).toHaveLength(1)
  })

  test('[CN23] a restarted peer that waits is found out by the first message to it', () => {
    const { network, a } = connectedPair()
    const reborn = network.add(highIdentity, { epoch: 2, seed: 2 })
    a.connections.send(high, 'sync', Uint8Array.of(1), network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(a.of('disconnected')).toEqual([
      { type: 'disconnected', peer: high, reason: 'restarted' },
    ])
    expect(reborn.of('connected')).toHaveLength(1)
  })

  test('[CN5] packets that overtake the end of their handshake do not undo it', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity)
    let isFirstFinish = true
    network.filter = (_from, _to, payload) => {
      const isLost = payload[0] === 0x03 && isFirstFinish
      if (isLost) isFirstFinish = false
      return !isLost
    }
    a.connections.open(high, network.nowMs)
    network.run(60_000, () => a.of('connected').length > 0)
    const message = patternBytes(5_000, 1)
    a.connections.send(high, 'sync', message, network.nowMs)
    network.run(network.nowMs + 60_000)
    expect(isFirstFinish).toBe(false)
    expectSame(arrivedOn(b, 'sync'), [message])
    for (const end of [a, b]) {
      expect(end.of('connected')).toHaveLength(1)
      expect(end.of('disconnected')).toHaveLength(0)
    }
  })

  test('[CN24] a claim that the connection is unknown does not touch a living one', () => {
    const { network, a, b } = connectedPair()
    a.connections.send(high, 'sync', Uint8Array.of(1), network.nowMs)
    network.run(network.nowMs + 1000)
    const claim = Uint8Array.of(0x05, ...a.sent[0]!.subarray(1, 5))
    for (let index = 0; index < 10; index += 1)
      a.connections.packetReceived(high, claim, unmarked, network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(a.of('disconnected')).toHaveLength(0)
    expect(b.of('connected')).toHaveLength(1)
  })

  test('[CN21] closing is told to the other end, even when the farewell is lost', () => {
    const { network, a, b } = connectedPair()
    network.filter = () => false
    a.connections.close(high, 'closed', network.nowMs)
    network.run(network.nowMs + 100)
    network.filter = () => true
    expect(a.of('disconnected')).toEqual([{ type: 'disconnected', peer: high, reason: 'local' }])
    b.connections.send(low, 'sync', Uint8Array.of(1), network.nowMs)
    network.run(network.nowMs + 10_000)
    expect(b.of('disconnected')).toEqual([{ type: 'disconnected', peer: low, reason: 'remote' }])
    expect(a.of('connected')).toHaveLength(1)
    expect(network.nextMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[CN21] closeAll ends every connection, any number of times', () => {
    const { network, a, b } = connectedPair()
    for (let round = 0; round < 10; round += 1) {
      a.connections.closeAll(network.nowMs)
      network.run(network.nowMs + 100)
      a.connections.open(high, network.nowMs)
      network.run(network.nowMs + 100)
    }
    expect(a.of('connected')).toHaveLength(11)
    expect(b.of('disconnected')).toHaveLength(10)
  })

  test('[RC8] another path starts congestion control anew and loses nothing', () => {
    const { network, a, b } = connectedPair()
    const messages = Array.from({ length: 40 }, (_, index) => patternBytes(100_000, index))
    sendAll(network, a, high, { sync: messages })
    network.run(network.nowMs + 60)
    expect(a.connections.measure(high)!.windowBytes).toBeGreaterThan(64 * 1024)
    // What was queued for the old path fits the new one no more.
    network.conditions = { ...calm, packetBytes: 1200 }
    a.connections.pathChanged(high, false, network.nowMs)
    expect(a.connections.measure(high)!.windowBytes).toBe(8 * 1024)
    network.run(network.nowMs + 600_000)
    expectSame(arrivedOn(b, 'sync'), messages)
  })
})

describe('hostile input', { timeout: 60_000 }, () => {
  test('[CN25] random packets are dropped, counted, and hold no memory', () => {
    const { network, a } = connectedPair()
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...identities),
        (bytes, from) => {
          a.connections.packetReceived(from.peer, bytes, unmarked, network.nowMs)
        },
      ),
      { numRuns: 2000 },
    )
    network.run(network.nowMs + 60_000)
    expect(a.of('disconnected')).toHaveLength(0)
    expect(a.connections.measure(high)!.receiveBufferBytes).toBe(0)
    expect(a.counter('packetsMalformed')).toBeGreaterThan(1000)
  })

  /** Changes, repeats and swallows some of the first 200 packets that `concerns` picks. */
  function tamper(
    network: Network,
    draws: readonly number[],
    concerns: (payload: Uint8Array) => boolean,
  ): void {
    let draw = 0
    const passed: Uint8Array[] = []
    network.filter = (from, to, payload) => {
      if (!concerns(payload) || draw >= 200) return true
      const random = draws[draw % draws.length]!
      draw += 1
      passed.push(payload)
      if (random % 3 !== 0) return true
      const changed = payload.slice()
      changed[random % changed.length]! ^= 1 << (random % 8)
      const repeated = passed[random % passed.length]!
      for (const forged of [changed, repeated]) {
        network.at(network.nowMs + (random % 20), () => {
          network.ends.get(to)!.connections.packetReceived(from, forged, unmarked, network.nowMs)
        })
      }
      return random % 2 === 0
    }
  }
  const draws = fc.array(fc.nat(), { minLength: 50, maxLength: 50 })

  test('[CN10] packets changed on the way or sent again are dropped, and the rest arrives', () => {
    let droppedCount = 0
    fc.assert(
      fc.property(draws, (draws) => {
        const { network, a, b } = connectedPair()
        tamper(network, draws, (payload) => payload[0]! >= 0x40)
        const messages = Array.from({ length: 20 }, (_, index) => patternBytes(5000, index))
        sendAll(network, a, high, { sync: messages })
        network.run(network.nowMs + 600_000)
        expectSame(arrivedOn(b, 'sync'), messages)
        for (const end of [a, b]) {
          droppedCount += end.counter('packetsForged') + end.counter('packetsReplayed')
        }
      }),
      { numRuns: 30 },
    )
    expect(droppedCount).toBeGreaterThan(30)
  })

  test('[CN13] handshake packets changed on the way or sent again do not prevent the connection', () => {
    fc.assert(
      fc.property(draws, (draws) => {
        const network = new Network()
        const a = network.add(lowIdentity)
        const b = network.add(highIdentity)
        tamper(network, draws, (payload) => payload[0]! < 0x40)
        a.connections.open(high, 0)
        b.connections.open(low, 0)
        network.run(300_000)
        const count = arrivedOn(b, 'sync').length
        a.connections.send(high, 'sync', Uint8Array.of(1), network.nowMs)
        network.run(network.nowMs + 300_000)
        expect(arrivedOn(b, 'sync')).toHaveLength(count + 1)
      }),
      { numRuns: 30 },
    )
  })

  test('[CN26] openings beyond the bound are dropped and counted', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    // Members of the mesh that open and then never finish.
    network.filter = (from) => from !== low
    for (let index = 0; index < answeredHandshakesMax + 3; index += 1) {
      const secretKey = new Uint8Array(32).fill(100).fill(index, 0, 1)
      const member = network.add(new Identity(secretKey, nobleCryptography))
      member.connections.open(low, 0)
    }
    network.run(400)
    expect(a.counter('handshakesDropped')).toBe(3)
    expect(a.of('connected')).toHaveLength(0)
  })

  test('[CN12] an opening made for one pair of peers is of no use to another', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity)
    let opening = new Uint8Array(0)
    network.filter = (_from, _to, payload) => {
      opening = payload.slice()
      return false
    }
    b.connections.open(low, 0)
    a.connections.packetReceived(identities[2]!.peer, opening, unmarked, 0)
    expect(a.counter('handshakesRefused')).toBe(1)
  })
})
