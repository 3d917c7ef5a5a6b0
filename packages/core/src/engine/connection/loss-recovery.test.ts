import { describe, expect, test } from 'vitest'

import {
  AdditiveIncrease,
  congestionWindowBytesInitial,
  congestionWindowBytesMax,
} from './congestion.ts'
import { LossRecovery, type SentPacket } from './loss-recovery.ts'
import { acknowledgementDelayMsMax } from './received-packets.ts'
import { RoundTrip } from './round-trip.ts'

/** Sends packets of a rank, numbered on from `from`, one each millisecond. */
function send(recovery: LossRecovery, from: number, count: number, rank = 0): SentPacket[] {
  return Array.from({ length: count }, (_, index) => {
    const number = from + index
    const packet = { number, rank, bytes: 1000, frames: [], sentAtMs: undefined, sequence: 0 }
    recovery.add(packet)
    recovery.accepted(packet, number)
    return packet
  })
}

const only = (number: number) => [{ start: number, end: number + 1 }]
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
    expect(recovery.bytesInFlight).toBe(0)
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
    send(recovery, 0, 2, 3)
    send(recovery, 2, 10, 0)
    expect(recovery.acknowledge([{ start: 2, end: 12 }], 0, 12, 500)!.lost).toEqual([])
    expect(recovery.handleDeadline(1000).lost).toEqual([])
    expect(recovery.bytesInFlight).toBe(2000)
  })

  test('[RC1] an acknowledgement of what was never sent is refused', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 2)
    expect(recovery.acknowledge(only(2), 0, 2, 10)).toBeUndefined()
    // Made, but the mesh has not taken it.
    recovery.add({ number: 2, rank: 0, bytes: 10, frames: [], sentAtMs: undefined, sequence: 0 })
    expect(recovery.acknowledge(only(2), 0, 3, 10)).toBeUndefined()
  })

  test('[CN25] a wide range costs no more than what is under way', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 5, 1)
    send(recovery, 2 ** 47, 1)
    const findings = recovery.acknowledge([{ start: 0, end: 2 ** 47 + 1 }], 0, 2 ** 47 + 1, 2 ** 47)
    expect(findings!.arrived).toHaveLength(2)
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
    recovery.acknowledge([{ start: 0, end: 5 }], 0, 5, second)
    expect(recovery.deadlineMs()).toBe(Number.POSITIVE_INFINITY)
    expect(recovery.probeCount).toBe(0)
  })

  test('[RC4] patience ends at eight seconds', () => {
    const recovery = new LossRecovery(4)
    send(recovery, 0, 1)
    let nowMs = 0
    let pauseMs = 0
    for (let round = 0; round < 30; round += 1) {
      pauseMs = recovery.deadlineMs() - nowMs
      nowMs = recovery.deadlineMs()
      expect(recovery.takeProbes(nowMs)).toHaveLength(1)
    }
    expect(pauseMs).toBe(8000)
  })
})

test('[RC1] the round trip follows RFC 9002, section 5.3', () => {
  const roundTrip = new RoundTrip()
  roundTrip.sample(100, 0)
  expect(roundTrip.smoothedMs).toBe(100)
  expect(roundTrip.probeTimeoutMs(acknowledgementDelayMsMax)).toBe(100 + 200 + 25)
  roundTrip.sample(200, 20)
  expect(roundTrip.smoothedMs).toBe(100 + 80 / 8)
  // The delay is not believed when it would take the sample below the least seen.
  roundTrip.sample(100, 20)
  expect(roundTrip.smoothedMs).toBe(110 - 10 / 8)
})

describe('congestion', () => {
  test('[RC6] grows by what arrives until a loss, then by a packet a round trip', () => {
    const controller = new AdditiveIncrease()
    controller.setPacketBytes(1000)
    controller.acknowledged(36_000, 1, true)
    expect(controller.windowBytes).toBe(congestionWindowBytesInitial + 36_000)
    controller.lost(2, 10)
    const halved = (congestionWindowBytesInitial + 36_000) * 0.7
    expect(controller.windowBytes).toBeCloseTo(halved)
    controller.acknowledged(halved, 11, true)
    expect(controller.windowBytes).toBeCloseTo(halved + 1000)
  })

  test('[RC7] one round trip costs one reduction', () => {
    const controller = new AdditiveIncrease()
    controller.lost(5, 10)
    const { windowBytes } = controller
    controller.lost(9, 12)
    controller.acknowledged(1000, 10, true)
    expect(controller.windowBytes).toBe(windowBytes)
    controller.lost(11, 20)
    expect(controller.windowBytes).toBeLessThan(windowBytes)
  })

  test('[RC6] does not grow while the sender, not the window, is the limit', () => {
    const controller = new AdditiveIncrease()
    controller.acknowledged(50_000, 1, false)
    expect(controller.windowBytes).toBe(congestionWindowBytesInitial)
  })

  test('[RC9] stays between two packets and 1 MiB', () => {
    const controller = new AdditiveIncrease()
    controller.setPacketBytes(4000)
    for (let nowMs = 1; nowMs < 40; nowMs += 1) controller.lost(nowMs, nowMs)
    expect(controller.windowBytes).toBe(8000)
    controller.reset()
    for (let nowMs = 0; nowMs < 40; nowMs += 1) controller.acknowledged(100_000, nowMs, true)
    expect(controller.windowBytes).toBe(congestionWindowBytesMax)
  })
})
