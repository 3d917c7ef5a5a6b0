import { describe, expect, test } from 'vitest'

import { LossRecovery, packetsInFlightMax } from './loss-recovery.ts'
import { rememberedLossesMax } from './lost-packets.ts'
import { acknowledgementDelayMsMax } from './received-packets.ts'
import { RoundTrip } from './round-trip.ts'
import { bulkFlow, bulkRank, foregroundFlow, type SentPacket } from './sent-packet.ts'

const bytes = 1000

function packetOf(number: number, rank = 0): SentPacket {
  return {
    number,
    rank,
    bytes,
    frames: [],
    sentAtMs: undefined,
    sequence: 0,
    path: 0,
    state: 'held',
  }
}

/** Sends packets of a rank, numbered on from `from`, one each millisecond from `atMs` on. */
function send(
  recovery: LossRecovery,
  from: number,
  count: number,
  rank = 0,
  atMs = from,
): SentPacket[] {
  return Array.from({ length: count }, (_, index) => {
    const packet = packetOf(from + index, rank)
    recovery.add(packet)
    recovery.accepted(packet, atMs + index)
    return packet
  })
}

const only = (number: number) => [{ start: number, end: number + 1 }]
const range = (start: number, end: number) => [{ start, end }]
const numbersOf = (packets: readonly SentPacket[]) => packets.map((packet) => packet.number)

describe('loss', () => {
  test('[RC2] a packet is lost when the third after it arrives', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1)
    // A round trip long enough to keep time out of it.
    recovery.acknowledge(only(0), 0, 1, 900)
    send(recovery, 1, 5)
    expect(numbersOf(recovery.acknowledge(only(3), 0, 6, 910)!.lost)).toEqual([])
    expect(numbersOf(recovery.acknowledge(only(4), 0, 6, 910)!.lost)).toEqual([1])
    expect(numbersOf(recovery.acknowledge(only(5), 0, 6, 910)!.lost)).toEqual([2])
    expect(recovery.bytesInFlight(foregroundFlow)).toBe(0)
  })

  test('[RC2] or when it was overtaken, and 9/8 of the round trip have passed', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 2)
    recovery.acknowledge(only(1), 0, 2, 81)
    expect(recovery.deadlineMs()).toBe(90)
    expect(recovery.handleDeadline(89).lost).toEqual([])
    expect(numbersOf(recovery.handleDeadline(90).lost)).toEqual([0])
  })

  test('[RC3] packets of another priority overtake without harm', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 2, bulkRank)
    send(recovery, 2, 10, 0)
    expect(recovery.acknowledge(range(2, 12), 0, 12, 500)!.lost).toEqual([])
    expect(recovery.handleDeadline(1000).lost).toEqual([])
    expect(recovery.bytesInFlight(bulkFlow)).toBe(2 * bytes)
    expect(recovery.bytesInFlight(foregroundFlow)).toBe(0)
  })

  test('[RC1] an acknowledgement of what was never sent is refused', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 2)
    expect(recovery.acknowledge(only(2), 0, 2, 10)).toBeUndefined()
    // Made, but the mesh has not taken it.
    recovery.add(packetOf(2))
    expect(recovery.acknowledge(only(2), 0, 3, 10)).toBeUndefined()
  })

  test('[RC1] bulk is measured though what people wait for overtakes it all the time', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1, bulkRank, 0)
    send(recovery, 1, 1, 0, 100)
    const roundTrips = (ranges: { start: number; end: number }[], delayMs: number, nowMs: number) =>
      recovery
        .acknowledge(ranges, delayMs, 4, nowMs)!
        .measured.map(({ packet, roundTripMs }) => [packet.number, roundTripMs])
    expect(roundTrips(only(1), 20, 150)).toEqual([[1, 30]])
    // Its acknowledgement says how long that of packet 1 was held back, which is nothing to it.
    expect(roundTrips(range(0, 2), 220, 350)).toEqual([[0, 350]])
    expect(recovery.roundTrip(bulkFlow).latestMs).toBe(350)
    expect(recovery.roundTrip(foregroundFlow).latestMs).toBe(50)
    send(recovery, 2, 1, bulkRank, 400)
    send(recovery, 3, 1, 0, 410)
    expect(roundTrips(range(0, 4), 5, 445)).toEqual([
      [3, 30],
      [2, 45],
    ])
  })

  test('[CN25] a wide range costs no more than what is under way', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 5, 1)
    send(recovery, 2 ** 47, 1)
    const findings = recovery.acknowledge(range(0, 2 ** 47 + 1), 0, 2 ** 47 + 1, 2 ** 47)
    expect(findings!.arrived).toHaveLength(2)
  })

  test('[RC1] the least acknowledged of many in any order keeps its place', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, packetsInFlightMax, 0, 0)
    // All but every fourth packet arrive, in pieces: each fourth one is lost, once.
    const lost: number[] = []
    for (let number = 0; number < packetsInFlightMax; number += 4) {
      const findings = recovery.acknowledge(range(number + 1, number + 4), 0, 4096, 4096)!
      lost.push(...numbersOf(findings.lost))
    }
    expect(lost).toEqual(Array.from({ length: packetsInFlightMax / 4 }, (_, index) => index * 4))
    expect(recovery.packetCount).toBe(0)
    expect(recovery.bytesInFlight(foregroundFlow)).toBe(0)
  })
})

describe('late packets', () => {
  test('[RC13] what arrives after it was declared lost is told, once', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 4)
    expect(numbersOf(recovery.acknowledge(range(1, 4), 0, 4, 100)!.lost)).toEqual([0])
    expect(numbersOf(recovery.acknowledge(range(0, 4), 0, 4, 110)!.late)).toEqual([0])
    expect(numbersOf(recovery.acknowledge(range(0, 4), 0, 4, 120)!.late)).toEqual([])
  })

  test('[RC13] on a path where one came late, packets have longer, and their number tells nothing', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 4)
    recovery.acknowledge(range(1, 4), 0, 4, 103)
    // It came 40 ms after those that overtook it.
    recovery.acknowledge(only(0), 0, 4, 140)
    send(recovery, 4, 10, 0, 200)
    expect(recovery.acknowledge(range(5, 14), 0, 14, 310)!.lost).toEqual([])
    const deadlineMs = recovery.deadlineMs()
    expect(deadlineMs).toBeGreaterThan(200 + (9 / 8) * 100 + 37)
    expect(deadlineMs).toBeLessThan(200 + (9 / 8) * 101 + 41)
    expect(numbersOf(recovery.handleDeadline(deadlineMs).lost)).toEqual([4])
  })

  test('[RC13] losses are remembered up to a bound', () => {
    const recovery = new LossRecovery(4)
    const count = rememberedLossesMax + 3
    send(recovery, 0, count)
    send(recovery, count, 3, 0, 5000)
    const findings = recovery.acknowledge(range(count, count + 3), 0, count + 3, 5100)!
    expect(findings.lost).toHaveLength(count)
    const late = recovery.acknowledge(range(0, count + 3), 0, count + 3, 5200)!.late
    expect(late).toHaveLength(rememberedLossesMax)
    expect(late[0]!.number).toBe(3)
  })
})

describe('persistent congestion', () => {
  /** A connection that knows its round trip of 100 ms; its probe timeout is 275 ms after another. */
  function known(): LossRecovery {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1)
    recovery.acknowledge(only(0), 0, 1, 100)
    return recovery
  }

  test('[RC12] losses three probe timeouts apart, and nothing between that arrived', () => {
    const recovery = known()
    send(recovery, 1, 1, 0, 200)
    send(recovery, 2, 1, 0, 1200)
    send(recovery, 3, 1, 0, 2000)
    const findings = recovery.acknowledge(only(3), 0, 4, 2100)!
    expect(numbersOf(findings.lost)).toEqual([1, 2])
    expect(findings.collapsed).toEqual([foregroundFlow])
  })

  test('[RC12] closer together they are ordinary losses', () => {
    const recovery = known()
    send(recovery, 1, 1, 0, 200)
    send(recovery, 2, 1, 0, 1000)
    send(recovery, 3, 1, 0, 2000)
    const findings = recovery.acknowledge(only(3), 0, 4, 2100)!
    expect(numbersOf(findings.lost)).toEqual([1, 2])
    expect(findings.collapsed).toEqual([])
  })

  test('[RC12] and so they are when something sent between arrived, with them or before', () => {
    for (const isBefore of [false, true]) {
      const recovery = known()
      send(recovery, 1, 1, 0, 200)
      send(recovery, 2, 1, bulkRank, 700)
      send(recovery, 3, 1, 0, 1200)
      send(recovery, 4, 1, 0, 2000)
      if (isBefore) recovery.acknowledge(only(2), 0, 5, 2050)
      const ranges = [...only(4), ...(isBefore ? [] : only(2))]
      const findings = recovery.acknowledge(ranges, 0, 5, 2100)!
      expect(numbersOf(findings.lost)).toEqual([1, 3])
      expect(findings.collapsed).toEqual([])
    }
  })

  test('[RC12] losses of before the first round trip tell nothing', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1, 0, 0)
    send(recovery, 1, 1, 0, 3000)
    send(recovery, 2, 1, 0, 4000)
    const findings = recovery.acknowledge(only(2), 0, 3, 4100)!
    expect(numbersOf(findings.lost)).toEqual([0, 1])
    expect(findings.collapsed).toEqual([])
  })
})

describe('another path', () => {
  test('[RC19] what was under way on a path that is gone is due at once, and burdens no window', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 3, 0)
    send(recovery, 3, 3, bulkRank)
    expect(numbersOf(recovery.changePath(true, 50))).toEqual([0, 1, 2, 3, 4, 5])
    expect(recovery.packetCount).toBe(0)
    expect(recovery.bytesInFlight(foregroundFlow) + recovery.bytesInFlight(bulkFlow)).toBe(0)
    expect(recovery.deadlineMs()).toBe(Number.POSITIVE_INFINITY)
    expect(recovery.roundTrip(foregroundFlow).hasSample).toBe(false)
  })

  test('[RC20] when the former path may deliver, one packet of each priority finds out', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 3, 0)
    send(recovery, 3, 3, bulkRank)
    expect(numbersOf(recovery.changePath(false, 50))).toEqual([0, 3])
    expect(recovery.packetCount).toBe(6)
    expect(recovery.bytesInFlight(foregroundFlow) + recovery.bytesInFlight(bulkFlow)).toBe(0)
    // The answer to the first packet on the new path tells that the former ones were overtaken.
    send(recovery, 6, 1, 0, 50)
    const findings = recovery.acknowledge(only(6), 0, 7, 90)!
    expect(numbersOf(findings.lost)).toEqual([0, 1, 2])
    expect(findings.collapsed).toEqual([])
    expect(findings.lost.some((packet) => recovery.isOfThisPath(packet))).toBe(false)
    expect(recovery.bytesInFlight(foregroundFlow)).toBe(0)
  })

  test('[RC20] answers that came over the former path measure nothing', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 3, 0)
    recovery.changePath(false, 50)
    expect(recovery.acknowledge(range(0, 3), 0, 3, 500)!.measured).toEqual([])
    expect(recovery.roundTrip(foregroundFlow).hasSample).toBe(false)
  })

  test('[RC19] what came late over the former path makes nobody patient on the new one', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 3, 0)
    recovery.changePath(true, 50)
    send(recovery, 3, 5, 0, 60)
    const findings = recovery.acknowledge([...only(7), ...range(0, 3)], 0, 8, 110)!
    expect(numbersOf(findings.late)).toEqual([0, 1, 2])
    // By their number alone.
    expect(numbersOf(findings.lost)).toEqual([3, 4])
  })
})

describe('probes', () => {
  test('[RC4] the oldest packet of each silent priority is asked about, with growing patience', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 3)
    send(recovery, 3, 2, 2)
    const first = recovery.deadlineMs()
    expect(first).toBeGreaterThan(900)
    expect(numbersOf(recovery.takeProbes(first - 1))).toEqual([])
    expect(numbersOf(recovery.takeProbes(first + 10))).toEqual([0, 3])
    const second = recovery.deadlineMs()
    expect(second - (first + 10)).toBeGreaterThan(1.9 * (first - 2))
    recovery.acknowledge(range(0, 5), 0, 5, second)
    expect(recovery.deadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[RC4][CN42] patience ends at a minute', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1)
    let nowMs = 0
    let pauseMs = 0
    for (let round = 0; round < 30; round += 1) {
      pauseMs = recovery.deadlineMs() - nowMs
      nowMs = recovery.deadlineMs()
      expect(recovery.takeProbes(nowMs)).toHaveLength(1)
    }
    expect(pauseMs).toBe(60_000)
  })

  test('[RC14] bulk that waits long is not asked about as early as what goes first', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1, 0, 0)
    recovery.acknowledge(only(0), 0, 1, 20)
    send(recovery, 1, 1, bulkRank, 100)
    // Until bulk has a round trip of its own, that of the others is the best guess.
    expect(recovery.deadlineMs()).toBe(100 + 20 + 40 + acknowledgementDelayMsMax)
    recovery.acknowledge(only(1), 0, 2, 600)
    send(recovery, 2, 1, bulkRank, 700)
    expect(recovery.deadlineMs()).toBe(700 + 500 + 1000 + acknowledgementDelayMsMax)
    send(recovery, 3, 1, 0, 700)
    expect(recovery.deadlineMs()).toBe(700 + 20 + 40 + acknowledgementDelayMsMax)
  })
})

test('[RC1] the round trip follows RFC 9002, section 5.3', () => {
  const roundTrip = new RoundTrip()
  expect(roundTrip.sample(100, 0)).toBe(100)
  expect(roundTrip.smoothedMs).toBe(100)
  expect(roundTrip.probeTimeoutMs(acknowledgementDelayMsMax)).toBe(100 + 200 + 25)
  expect(roundTrip.sample(200, 20)).toBe(180)
  expect(roundTrip.smoothedMs).toBe(100 + 80 / 8)
  // The delay is not believed when it would take the sample below the least seen.
  roundTrip.sample(100, 20)
  expect(roundTrip.smoothedMs).toBe(110 - 10 / 8)
})
