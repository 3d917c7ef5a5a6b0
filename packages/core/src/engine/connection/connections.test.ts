/** Virtual connections over a network that loses, doubles and reorders, in virtual time. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nobleCryptography } from '../crypto/noble.ts'
import { Identity } from '../identity/identity.ts'
import { priorities } from '../link/link-port.ts'
import { answeredHandshakesMax } from './answers.ts'
import { congestionWindowBytesMax } from './congestion.ts'
import { packetsInFlightMax } from './loss-recovery.ts'
import { messageBytesMax } from './message-port.ts'
import { handshakeReportMs } from './openings.ts'
import { parkMsMax } from './parking.ts'
import { unsentBytesMax } from './message-stream.ts'
import {
  arrivedOn,
  calm,
  connectedPair,
  high,
  highIdentity,
  identities,
  low,
  lowIdentity,
  Network,
  patternBytes,
  sendAll,
  unmarked,
} from './virtual-network-peers.ts'

function expectSame(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  expect(actual.map((bytes) => bytes.length)).toEqual(expected.map((bytes) => bytes.length))
  for (const [index, bytes] of actual.entries()) {
    expect(Buffer.compare(bytes, expected[index]!), `message ${index}`).toBe(0)
  }
}

describe('handshake', () => {
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

  test('[CN22] an opening is forgotten when it is due, though sums of times are rounded', () => {
    const network = new Network()
    network.connected = false
    const a = network.add(lowIdentity)
    network.add(highIdentity)
    const openedAtMs = 493_914.9
    a.connections.open(high, openedAtMs)
    const deadlineMs = a.connections.nextDeadlineMs()
    expect(deadlineMs - openedAtMs).toBeLessThan(parkMsMax)
    a.connections.handleDeadline(deadlineMs)
    expect(a.connections.nextDeadlineMs()).toBe(Infinity)
  })

  test('[CN11] an opening that comes late, from before its route was lost, changes nothing', () => {
    const network = new Network()
    const a = network.add(lowIdentity)
    const b = network.add(highIdentity)
    let late: Uint8Array | undefined
    network.filter = (_from, _to, payload) => {
      const isFirst = late === undefined
      late ??= payload.slice()
      return !isFirst
    }
    a.connections.open(high, 0)
    network.run(100)
    network.setConnected(false)
    network.setConnected(true)
    // The answer to the second one is on its way.
    network.run(100 + 1.5 * calm.delayMsMin)
    b.connections.packetReceived(low, late!, unmarked, network.nowMs)
    network.run(60_000)
    for (const end of [a, b]) {
      expect(end.of('connected')).toHaveLength(1)
      expect(end.of('disconnected')).toHaveLength(0)
    }
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

describe('messages', () => {
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

describe('life', () => {
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

  test('[CN21] two farewells that cross are not answered over and over', () => {
    const { network, a, b } = connectedPair()
    let packets = 0
    network.filter = () => {
      packets += 1
      return true
    }
    a.connections.close(high, 'closed', network.nowMs)
    b.connections.close(low, 'closed', network.nowMs)
    network.run(network.nowMs + 20_000)
    // Each says it, and perhaps again for that of the other.
    expect(packets).toBeLessThanOrEqual(4)
    for (const end of [a, b]) expect(end.of('disconnected')).toHaveLength(1)
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

describe('hostile input', () => {
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
