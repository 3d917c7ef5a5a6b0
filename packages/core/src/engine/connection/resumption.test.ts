/** Connections that go on after an absence: by a ticket, without a byte lost, doubled or reordered. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { PeerId } from '../identity/peer-id.ts'
import { priorities } from '../link/link-port.ts'
import { encodePacket, packetTypes } from './packet.ts'
import { parkMsMax, restMsMax } from './parking.ts'
import {
  arrivedOn,
  calm,
  connectedPair,
  high,
  highIdentity,
  low,
  patternBytes,
  sendAll,
  unmarked,
  type End,
  type Network,
} from './virtual-network-peers.ts'

const hourMs = 3_600_000
/** Of the calm network. */
const rttMs = 10
const { handshakeOpen, handshakeAnswer, resumptionOpen, resumptionAnswer } = packetTypes
const protectedKind = packetTypes.protected

interface SeenPacket {
  readonly from: PeerId
  /** First byte, all protected ones as one. */
  readonly kind: number
  readonly payload: Uint8Array
}

/** The packets that leave from now on; those of which `passes` says no are lost. */
function watch(network: Network, passes: (packet: SeenPacket) => boolean = () => true) {
  const seen: SeenPacket[] = []
  network.filter = (from, _to, payload) => {
    const first = payload[0]!
    const packet = { from, kind: first >= protectedKind ? protectedKind : first, payload }
    seen.push(packet)
    return passes(packet)
  }
  return seen
}

/** Cuts all routes for that long. */
function away(network: Network, durationMs: number): void {
  network.setConnected(false)
  network.run(network.nowMs + durationMs)
  network.setConnected(true)
}

/** Two ends that rest, without a route. */
function restingPair(): { network: Network; a: End; b: End } {
  const pair = connectedPair()
  pair.network.run(pair.network.nowMs + 1000)
  pair.network.setConnected(false)
  pair.network.run(pair.network.nowMs + hourMs)
  for (const end of [pair.a, pair.b]) expect(end.connections.census().resting).toBe(1)
  return pair
}

function sendNumber(from: End, to: PeerId, number: number, network: Network): void {
  const result = from.connections.send(to, 'sync', Uint8Array.of(number), network.nowMs)
  expect(result).toBe('accepted')
}

function numbersAt(end: End): number[] {
  return arrivedOn(end, 'sync').map((message) => message[0]!)
}

/** Both ends have one connection since the beginning, and it works both ways. */
function expectUnbroken(network: Network, a: End, b: End): void {
  const [toB, toA] = [numbersAt(b).length, numbersAt(a).length]
  sendNumber(a, high, 201, network)
  sendNumber(b, low, 202, network)
  network.run(network.nowMs + 10_000)
  expect(numbersAt(b)).toHaveLength(toB + 1)
  expect(numbersAt(a)).toHaveLength(toA + 1)
  for (const end of [a, b]) {
    expect(end.of('connected')).toHaveLength(1)
    expect(end.of('disconnected')).toHaveLength(0)
    expect(end.connections.census()).toMatchObject({ resting: 0, restingBytes: 0, answering: 0 })
  }
}

describe('resting', () => {
  test('[CN28][CN45] ten minutes without a route take the keys, and no byte of the streams', () => {
    const { network, a, b } = connectedPair()
    network.run(network.nowMs + 1000)
    sendNumber(a, high, 1, network)
    network.setConnected(false)
    sendNumber(a, high, 2, network)
    network.run(network.nowMs + parkMsMax - 1)
    expect(a.connections.census().resting).toBe(0)
    network.run(network.nowMs + 2 * hourMs)
    sendNumber(a, high, 3, network)
    expect(a.connections.census().resting).toBe(1)
    const idsBefore = new Set(a.sent.map((header) => header.slice(1, 5).join()))
    a.sent.length = 0
    network.setConnected(true)
    network.run(network.nowMs + 1000)
    expect(numbersAt(b)).toEqual([1, 2, 3])
    expectUnbroken(network, a, b)
    for (const end of [a, b]) {
      const [resumed] = end.of('resumed')
      expect(resumed!.awayMs).toBeGreaterThan(2 * hourMs + parkMsMax - 2)
      expect(resumed!.awayMs).toBeLessThan(2 * hourMs + parkMsMax + 2 * rttMs)
      expect(end.of('resumed')).toHaveLength(1)
      expect(['parks', 'rests', 'resumes', 'ticketsUsed'].map((name) => end.counter(name))).toEqual(
        [1, 1, 1, 1],
      )
    }
    // Other ids, and numbers from 0.
    for (const header of a.sent) expect(idsBefore).not.toContain(header.slice(1, 5).join())
    expect(a.sent[0]!.slice(5, 7)).toEqual(Uint8Array.of(0, 0))
  })

  test('[CN28] a peer that is away for a day is given up', () => {
    const { network, a, b } = connectedPair()
    network.setConnected(false)
    const cutAtMs = network.nowMs
    network.run(cutAtMs + restMsMax - 1)
    expect(a.of('disconnected')).toHaveLength(0)
    network.run(cutAtMs + restMsMax)
    for (const [end, peer] of [
      [a, high],
      [b, low],
    ] as const) {
      expect(end.of('disconnected')).toEqual([{ type: 'disconnected', peer, reason: 'expired' }])
      expect(end.connections.send(peer, 'control', Uint8Array.of(1), network.nowMs)).toBe(
        'no-connection',
      )
      expect(end.connections.census().peers).toBe(0)
      expect(end.counter('ticketsExpired')).toBe(1)
    }
    expect(network.nextMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[CN28] one deadline only: a resting connection costs no time', () => {
    const { network, a } = restingPair()
    expect(a.connections.nextDeadlineMs()).toBeGreaterThan(network.nowMs + 20 * hourMs)
  })

  test('[CN28] datagrams of a resting connection are dropped, and so are those that waited', () => {
    const { network, a, b } = connectedPair()
    network.setConnected(false)
    a.connections.sendDatagram(high, 'cursor', Uint8Array.of(1), network.nowMs)
    network.run(network.nowMs + hourMs)
    a.connections.sendDatagram(high, 'cursor', Uint8Array.of(2), network.nowMs)
    expect(a.counter('datagramsDropped')).toBe(2)
    network.setConnected(true)
    network.run(network.nowMs + 10_000)
    expect(b.of('datagram')).toHaveLength(0)
  })

  test('[CN28] streams of applications are opened, written and finished while at rest', () => {
    const { network, a, b } = restingPair()
    const { streams } = a.connections
    const stream = streams.openStream(high, 'test', 'bulk', network.nowMs)
    if (typeof stream === 'string') throw new Error(stream)
    const bytes = patternBytes(100_000, 3)
    expect(streams.writeStream(stream, bytes, network.nowMs)).toBe('accepted')
    streams.finishStream(stream, network.nowMs)
    expect(a.connections.census().restingBytes).toBeGreaterThan(100_000)
    network.setConnected(true)
    network.run(network.nowMs + 10_000)
    const arrived = Buffer.concat(b.of('stream-data').map((output) => output.bytes))
    expect(arrived.equals(bytes)).toBe(true)
    expect(b.of('stream-finished')).toHaveLength(1)
    expect(a.of('stream-delivered')).toHaveLength(1)
    expect(a.of('stream-lost')).toHaveLength(0)
  })

  test('[CN21] a resting connection can be closed, and the other end finds out', () => {
    const { network, a, b } = restingPair()
    a.connections.close(high, 'closed', network.nowMs)
    network.drain()
    expect(a.of('disconnected')).toHaveLength(1)
    expect(a.connections.census()).toMatchObject({ peers: 0, resting: 0, restingBytes: 0 })
    network.setConnected(true)
    network.run(network.nowMs + 10_000)
    expect(b.of('disconnected').map(({ reason }) => reason)).toEqual(['replaced'])
  })
})

describe('one round trip', () => {
  test('[CN30] what waited arrives after one and a half round trips, without a signature', () => {
    const { network, a, b } = restingPair()
    sendNumber(a, high, 1, network)
    sendNumber(b, low, 2, network)
    const seen = watch(network)
    network.setConnected(true)
    const startMs = network.nowMs
    network.run(startMs + 10_000, () => b.of('message').length > 0)
    expect(network.nowMs - startMs).toBeLessThan(1.6 * rttMs)
    network.run(startMs + 10_000, () => a.of('message').length > 0)
    expect(network.nowMs - startMs).toBeLessThan(2.1 * rttMs)
    expect(new Set(seen.map(({ kind }) => kind))).toEqual(
      new Set([resumptionOpen, resumptionAnswer, protectedKind]),
    )
    const largest = Math.max(...seen.map(({ payload }) => payload.length))
    expect(largest).toBeLessThan(100)
  })

  test('[CN29] each resumption has a ticket of its own', () => {
    const { network, a, b } = connectedPair()
    network.run(network.nowMs + 1000)
    const seen = watch(network)
    for (let round = 1; round <= 5; round += 1) {
      away(network, hourMs)
      sendNumber(a, high, round, network)
      network.run(network.nowMs + 10_000)
    }
    expect(numbersAt(b)).toEqual([1, 2, 3, 4, 5])
    const tickets = seen
      .filter(({ kind, from }) => kind === resumptionOpen && from === low)
      .map(({ payload }) => Buffer.from(payload.subarray(6, 22)).toString('hex'))
    expect(tickets).toHaveLength(5)
    expect(new Set(tickets).size).toBe(5)
    expect(a.of('resumed')).toHaveLength(5)
    expectUnbroken(network, a, b)
  })

  test('[CN32] both open at once: one set of keys comes of it', () => {
    const { network, a, b } = restingPair()
    const seen = watch(network)
    network.setConnected(true)
    network.run(network.nowMs + 10_000)
    const openers = seen.filter(({ kind }) => kind === resumptionOpen).map(({ from }) => from)
    expect(openers.toSorted()).toEqual([low, high])
    const answerers = seen.filter(({ kind }) => kind === resumptionAnswer).map(({ from }) => from)
    expect(answerers).toEqual([high])
    expectUnbroken(network, a, b)
  })

  test.each([
    ['opening', resumptionOpen],
    ['answer', resumptionAnswer],
    ['packet under the other keys', protectedKind],
  ])('[CN31][CN33] a lost %s delays the connection, no more', (_name, kind) => {
    for (const lossCount of [1, 2, 5]) {
      const { network, a, b } = restingPair()
      sendNumber(a, high, 1, network)
      sendNumber(b, low, 2, network)
      let left = lossCount
      const seen = watch(network, (packet) => {
        if (packet.kind !== kind || left === 0) return true
        left -= 1
        return false
      })
      network.setConnected(true)
      network.run(network.nowMs + 60_000)
      expect(left).toBe(0)
      expect(numbersAt(b)).toEqual([1])
      expect(numbersAt(a)).toEqual([2])
      // All openings of an end are the same packet, and so are all answers.
      for (const repeated of [resumptionOpen, resumptionAnswer]) {
        for (const from of [low, high]) {
          const packets = seen.filter((packet) => packet.kind === repeated && packet.from === from)
          const texts = packets.map(({ payload }) => Buffer.from(payload).toString('hex'))
          expect(new Set(texts).size).toBeLessThanOrEqual(1)
        }
      }
      expect(seen.some((packet) => packet.kind === handshakeOpen)).toBe(false)
      expectUnbroken(network, a, b)
    }
  })

  test('[CN31][CN33] an answer that was lost for hours is still good, with the same ticket', () => {
    const { network, a, b } = restingPair()
    const seen = watch(network, ({ kind }) => kind !== resumptionAnswer)
    network.setConnected(true)
    network.run(network.nowMs + 2000)
    network.setConnected(false)
    network.run(network.nowMs + hourMs)
    network.filter = () => true
    network.setConnected(true)
    network.run(network.nowMs + 15_000)
    expect(seen.filter(({ kind }) => kind === resumptionAnswer).length).toBeGreaterThan(0)
    expect(a.counter('ticketsUsed')).toBe(1)
    expectUnbroken(network, a, b)
  })

  test('[CN33] keys that the initiator has and nobody confirmed: the next ticket proves them', () => {
    const { network, a, b } = restingPair()
    // The responder never hears the initiator under the keys of its answer.
    watch(network, ({ kind, from }) => kind !== protectedKind || from !== low)
    network.setConnected(true)
    network.run(network.nowMs + 1000)
    expect(a.counter('ticketsUsed')).toBe(1)
    expect(b.counter('ticketsUsed')).toBe(0)
    network.setConnected(false)
    network.run(network.nowMs + hourMs)
    const seen = watch(network, ({ kind, from }) => kind !== handshakeOpen || from !== high)
    network.setConnected(true)
    network.run(network.nowMs + 1000)
    expect(a.counter('ticketsUsed')).toBe(2)
    expect(b.counter('ticketsUsed')).toBe(1)
    expect(seen.some(({ kind }) => kind === handshakeAnswer)).toBe(false)
    expectUnbroken(network, a, b)
  })

  test('[CN32] an answer that nobody goes on with gives way to a handshake', () => {
    const { network, a, b } = restingPair()
    // The initiator is gone from the middle of it; its route is not.
    watch(network, ({ kind, from }) => from !== low || kind === resumptionOpen)
    network.setConnected(true)
    network.run(network.nowMs + 10)
    const seen = watch(network, ({ from }) => from !== low)
    network.run(network.nowMs + 9000)
    expect(seen.some(({ kind, from }) => from === high && kind === handshakeOpen)).toBe(false)
    network.run(network.nowMs + 3000)
    expect(seen.some(({ kind, from }) => from === high && kind === handshakeOpen)).toBe(true)
    network.filter = () => true
    network.run(network.nowMs + 60_000)
    expectUnbroken(network, a, b)
  })
})

describe('states that were lost', () => {
  test('[CN34] a peer that booted anew refuses, and a handshake follows at once', () => {
    const { network, a } = restingPair()
    sendNumber(a, high, 1, network)
    const reborn = network.add(highIdentity, { epoch: 2, seed: 2 })
    const seen = watch(network)
    network.setConnected(true)
    const startMs = network.nowMs
    network.run(startMs + 10_000, () => a.of('connected').length > 1)
    expect(network.nowMs - startMs).toBeLessThan(2.1 * rttMs)
    network.run(network.nowMs + 1000)
    expect(a.outputs.map((output) => output.type)).toEqual([
      'connected',
      'disconnected',
      'connected',
    ])
    expect(a.of('disconnected')[0]!.reason).toBe('restarted')
    expect(a.counter('ticketsRefused')).toBe(1)
    expect(seen.map(({ kind }) => kind).slice(0, 3)).toEqual([
      resumptionOpen,
      packetTypes.refusal,
      handshakeOpen,
    ])
    sendNumber(a, high, 2, network)
    network.run(network.nowMs + 1000)
    expect(numbersAt(reborn)).toEqual([2])
  })

  test('[CN34][CN23] a refusal that is a lie costs a handshake, and no byte', () => {
    const { network, a, b } = restingPair()
    sendNumber(a, high, 1, network)
    sendNumber(b, low, 2, network)
    const seen = watch(network, ({ kind }) => kind !== resumptionAnswer)
    network.setConnected(true)
    for (const { from, payload } of seen.filter(({ kind }) => kind === resumptionOpen)) {
      const connection = new DataView(payload.buffer, payload.byteOffset).getUint32(2)
      const lie = encodePacket({ type: 'refusal', connection, reason: 'ticket' })
      const [liedTo, other] = from === low ? [a, high] : [b, low]
      liedTo.connections.packetReceived(other, lie, unmarked, network.nowMs)
    }
    network.run(network.nowMs + 10_000)
    expect(seen.some(({ kind }) => kind === handshakeOpen)).toBe(true)
    expect(numbersAt(b)).toEqual([1])
    expect(numbersAt(a)).toEqual([2])
    expect(a.of('resumed')).toHaveLength(1)
    expectUnbroken(network, a, b)
  })

  test('[CN24][CN23] a claim that the connection is unknown, when it is silent, costs no byte', () => {
    const { network, a, b } = connectedPair()
    network.run(network.nowMs + 1000)
    watch(network, () => false)
    sendNumber(a, high, 1, network)
    sendNumber(b, low, 2, network)
    network.run(network.nowMs + 2000)
    const claim = Uint8Array.of(packetTypes.unknownConnection, ...a.sent.at(-1)!.subarray(1, 5))
    const seen = watch(network)
    a.connections.packetReceived(high, claim, unmarked, network.nowMs)
    network.run(network.nowMs + 60_000)
    expect(seen.some(({ kind }) => kind === resumptionOpen)).toBe(true)
    expect(numbersAt(b)).toEqual([1])
    expect(numbersAt(a)).toEqual([2])
    expectUnbroken(network, a, b)
  })

  test('[CN24] an opening made in doubt is given up when the connection turns out alive', () => {
    const { network, a, b } = connectedPair()
    network.run(network.nowMs + 1000)
    watch(network, () => false)
    sendNumber(a, high, 1, network)
    network.run(network.nowMs + 2000)
    const claim = Uint8Array.of(packetTypes.unknownConnection, ...a.sent.at(-1)!.subarray(1, 5))
    const seen = watch(network, ({ kind }) => kind === protectedKind)
    a.connections.packetReceived(high, claim, unmarked, network.nowMs)
    sendNumber(b, low, 2, network)
    network.run(network.nowMs + 60_000)
    expect(seen.filter(({ kind }) => kind === resumptionOpen)).toHaveLength(1)
    expect(a.of('resumed')).toHaveLength(0)
    expectUnbroken(network, a, b)
  })

  test('[CN36] an end that slept with its keys, and one that rested, go on', () => {
    const { network, a, b } = connectedPair()
    sendNumber(a, high, 1, network)
    network.run(network.nowMs + 1000)
    network.setConnected(false)
    const cutAtMs = network.nowMs
    // The page of the first is frozen: its timers do not run.
    for (const atMs of [parkMsMax, parkMsMax + 1000]) b.connections.handleDeadline(cutAtMs + atMs)
    expect(b.connections.census().resting).toBe(1)
    expect(a.connections.census().resting).toBe(0)
    network.nowMs = cutAtMs + parkMsMax + 5000
    const startMs = network.nowMs
    sendNumber(a, high, 2, network)
    sendNumber(b, low, 3, network)
    network.setConnected(true)
    network.run(startMs + 10_000, () => numbersAt(b).length === 2 && numbersAt(a).length === 1)
    expect(network.nowMs - startMs).toBeLessThan(3.1 * rttMs)
    expectUnbroken(network, a, b)
  })
})

describe('hostile input', () => {
  test('[CN35] openings that are sent again change nothing, before and after', () => {
    const { network, a, b } = restingPair()
    const seen = watch(network)
    network.setConnected(true)
    network.run(network.nowMs + 10_000)
    const openings = seen.filter(({ kind }) => kind === resumptionOpen)
    expect(openings.length).toBeGreaterThan(0)
    for (let round = 0; round < 100; round += 1) {
      for (const { from, payload } of openings) {
        const [to, other] = from === low ? [b, low] : [a, high]
        to.connections.packetReceived(other, payload, unmarked, network.nowMs)
      }
    }
    const before = seen.length
    network.run(network.nowMs + 60_000)
    expect(seen).toHaveLength(before)
    expect(b.counter('ticketsReplayed')).toBeGreaterThanOrEqual(100)
    expect(a.of('resumed')).toHaveLength(1)
    expectUnbroken(network, a, b)
  })

  test('[CN35] openings and answers that were changed on the way change nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 10, maxLength: 10 }), (draws) => {
        const { network, a, b } = restingPair()
        sendNumber(a, high, 1, network)
        let draw = 0
        watch(network, ({ from, kind, payload }) => {
          if (kind === protectedKind || draw >= draws.length) return true
          const random = draws[draw]!
          draw += 1
          const forged = payload.slice()
          forged[random % forged.length]! ^= 1 << (random % 8)
          const [to, source] = from === low ? [b, low] : [a, high]
          network.at(network.nowMs, () => {
            to.connections.packetReceived(source, forged, unmarked, network.nowMs)
          })
          return random % 3 !== 0
        })
        network.setConnected(true)
        network.run(network.nowMs + 120_000)
        expect(numbersAt(b)).toEqual([1])
        expectUnbroken(network, a, b)
      }),
      { numRuns: 30 },
    )
  })

  test('[CN30] a ticket is of no use to another member, or without the secret of the mesh', () => {
    const { network, a, b } = restingPair()
    const seen = watch(network, () => false)
    network.setConnected(true)
    network.run(network.nowMs + 100)
    const opening = seen.find(({ kind, from }) => kind === resumptionOpen && from === low)!
    const before = seen.length
    // From another peer id there is no connection that it could be for.
    b.connections.packetReceived(
      '0123456789abcdef' as PeerId,
      opening.payload,
      unmarked,
      network.nowMs,
    )
    expect(seen.slice(before).map(({ kind }) => kind)).toEqual([packetTypes.refusal])
    expect(b.counter('ticketsUsed')).toBe(0)
    // Reflected to its sender it is no opening of the other end.
    a.connections.packetReceived(high, opening.payload, unmarked, network.nowMs)
    network.filter = () => true
    network.run(network.nowMs + 60_000)
    expectUnbroken(network, a, b)
  })
})

test('[CN22][CN28][CN33] no byte is lost, doubled or reordered, whatever happens to the route', () => {
  const cut = fc.record({
    upMs: fc.integer({ min: 1, max: 3000 }),
    awayMs: fc.oneof(
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: parkMsMax - 50, max: parkMsMax + 50 }),
      fc.constant(hourMs),
    ),
    /** One end notices the end of its keys late. */
    sleeper: fc.constantFrom('none', 'low', 'high'),
  })
  const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 12 })
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer({ min: 0, max: 255 }),
        lossShare: fc.constantFrom(0, 0.05, 0.2),
        duplicateShare: fc.constantFrom(0, 0.2),
        delayMsMax: fc.constantFrom(5, 50),
        bytesPerMs: fc.constantFrom(100, 20_000),
        cuts: fc.array(cut, { minLength: 1, maxLength: 5 }),
        lengths: fc.tuple(lengths, lengths, lengths, lengths),
      }),
      ({ seed, cuts, lengths, ...rest }) => {
        const { network, a, b } = connectedPair({ ...calm, packetBytes: 1200, ...rest }, seed)
        const messages = Object.fromEntries(
          priorities.map((stream, rank) => [
            stream,
            lengths[rank]!.map((bytes, index) => patternBytes(bytes, index + rank)),
          ]),
        )
        sendAll(network, a, high, messages)
        sendAll(network, b, low, messages)
        const stream = a.connections.streams.openStream(high, 'test', 'sync', network.nowMs)
        if (typeof stream === 'string') throw new Error(stream)
        const bytes = patternBytes(200_000, 9)
        a.connections.streams.writeStream(stream, bytes, network.nowMs)
        a.connections.streams.finishStream(stream, network.nowMs)
        for (const { upMs, awayMs, sleeper } of cuts) {
          network.run(network.nowMs + upMs)
          network.frozen = sleeper === 'low' ? a : sleeper === 'high' ? b : undefined
          away(network, awayMs)
          network.frozen = undefined
        }
        network.run(network.nowMs + 3_600_000)
        for (const stream of priorities) {
          const expected = messages[stream]!
          for (const end of [a, b]) {
            const arrived = arrivedOn(end, stream)
            expect(arrived.map(({ length }) => length)).toEqual(
              expected.map(({ length }) => length),
            )
            expect(Buffer.concat(arrived).equals(Buffer.concat(expected))).toBe(true)
          }
        }
        const arrived = Buffer.concat(b.of('stream-data').map((output) => output.bytes))
        expect(arrived.equals(bytes)).toBe(true)
        expect(b.of('stream-finished')).toHaveLength(1)
        expectUnbroken(network, a, b)
        for (const end of [a, b]) {
          const numbers = end.sent.map((header) => Buffer.from(header).toString('hex'))
          expect(new Set(numbers).size, 'a number is used once').toBe(numbers.length)
        }
      },
    ),
    { numRuns: 40 },
  )
}, 120_000)
