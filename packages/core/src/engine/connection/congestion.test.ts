/** Both congestion controllers, told of acknowledgements by hand. */

import { describe, expect, test } from 'vitest'

import { AdditiveIncrease } from './congestion-default.ts'
import { queueingTargetMs, Scavenger } from './congestion-scavenger.ts'
import {
  congestionWindowBytesInitial,
  congestionWindowBytesMax,
  narrowWindowBytesInitial,
  type CongestionController,
} from './congestion.ts'

const wideBytes = 16_000
const packetBytes = 1000

function begun<Controller extends CongestionController>(
  controller: Controller,
  pathBytes = wideBytes,
): Controller {
  controller.reset(pathBytes)
  controller.setPacketBytes(packetBytes)
  return controller
}

/** Acknowledges, at `nowMs`, a window that was sent a round trip ago. */
function round(
  controller: CongestionController,
  nowMs: number,
  roundTripMs: number,
  isLimited = true,
): void {
  const sentAtMs = nowMs - roundTripMs
  // Eight acknowledgements, as a window of sixteen packets brings.
  const bytes = controller.windowBytes / 8
  for (let count = 0; count < 8; count += 1) {
    controller.acknowledged({ bytes, sentAtMs, roundTripMs, isLimited }, nowMs)
  }
}

/** Rounds one after the other; the round trip follows from the window. Returns the time. */
function rounds(
  controller: CongestionController,
  count: number,
  fromMs: number,
  roundTripOf: (windowBytes: number) => number,
): number {
  let nowMs = fromMs
  for (let index = 0; index < count; index += 1) {
    const roundTripMs = roundTripOf(controller.windowBytes)
    nowMs += roundTripMs
    round(controller, nowMs, roundTripMs)
  }
  return nowMs
}

/** How large the first window is, in parts of that of the default. */
const firstParts = { default: 1, scavenger: 1 / 4 } as const

/** A path of 1 MB/s and 50 ms that queues what does not fit. */
const queueingPath = (windowBytes: number) => Math.max(50, windowBytes / 1000)

const controllers: readonly (readonly [keyof typeof firstParts, () => CongestionController])[] = [
  ['default', () => new AdditiveIncrease()],
  ['scavenger', () => new Scavenger()],
]

describe.each(controllers)('%s', (name, make) => {
  const first = congestionWindowBytesInitial * firstParts[name]

  test('[RC6] the first window is 64 KiB, and 8 KiB on a narrow path; a quarter for bulk', () => {
    expect(begun(make()).windowBytes).toBe(first)
    expect(begun(make(), 1181).windowBytes).toBe(narrowWindowBytesInitial * firstParts[name])
  })

  test('[RC6] does not grow while the sender, not the window, is the limit', () => {
    const controller = begun(make())
    for (let nowMs = 100; nowMs < 1000; nowMs += 100) round(controller, nowMs, 100, false)
    expect(controller.windowBytes).toBe(first)
  })

  test('[RC7] a loss and a mark take 0.3 of it', () => {
    for (const cause of ['loss', 'mark'] as const) {
      const controller = begun(make())
      expect(controller.congested(cause, 5, 10)).toBe(true)
      expect(controller.windowBytes).toBeCloseTo(first * 0.7)
    }
  })

  test('[RC7] one round trip costs one reduction', () => {
    const controller = begun(make())
    controller.congested('loss', 5, 10)
    const { windowBytes } = controller
    expect(controller.congested('loss', 9, 12)).toBe(false)
    expect(controller.congested('mark', 9, 12)).toBe(false)
    controller.acknowledged({ bytes: 1000, sentAtMs: 10, roundTripMs: 5, isLimited: true }, 15)
    expect(controller.windowBytes).toBe(windowBytes)
    expect(controller.congested('mark', 11, 20)).toBe(true)
    expect(controller.windowBytes).toBeLessThan(windowBytes)
  })

  test('[RC9] stays between two packets and 1 MiB', () => {
    const controller = begun(make())
    for (let nowMs = 1; nowMs < 40; nowMs += 1) controller.congested('loss', nowMs, nowMs)
    expect(controller.windowBytes).toBe(2 * packetBytes)
    controller.reset(wideBytes)
    rounds(controller, 200, 100, () => 50)
    expect(controller.windowBytes).toBe(congestionWindowBytesMax)
  })

  test('[RC12] after persistent congestion it begins at two packets, and grows fast', () => {
    const controller = begun(make())
    controller.congested('loss', 5, 10)
    controller.collapse()
    expect(controller.windowBytes).toBe(2 * packetBytes)
    rounds(controller, 4, 100, () => 150)
    expect(controller.windowBytes).toBe(32 * packetBytes)
  })

  test('[RC13] a reduction that came from late packets is taken back', () => {
    const controller = begun(make())
    controller.congested('loss', 5, 10)
    controller.undo()
    expect(controller.windowBytes).toBe(first)
    // Once.
    controller.congested('mark', 15, 20)
    controller.congested('loss', 25, 30)
    controller.undo()
    controller.undo()
    expect(controller.windowBytes).toBeCloseTo(first * 0.7)
  })

  test('[RC8] another path begins with the first window', () => {
    const controller = begun(make())
    rounds(controller, 30, 100, () => 50)
    controller.congested('loss', 5000, 5000)
    controller.reset(wideBytes)
    expect(controller.windowBytes).toBe(first)
  })
})

describe('default', () => {
  test('[RC6] doubles until a loss, then a packet a round trip', () => {
    const controller = begun(new AdditiveIncrease())
    round(controller, 100, 100)
    expect(controller.windowBytes).toBe(2 * congestionWindowBytesInitial)
    controller.congested('loss', 101, 110)
    const reduced = 2 * congestionWindowBytesInitial * 0.7
    const told = { bytes: reduced, sentAtMs: 111, roundTripMs: 100, isLimited: true }
    controller.acknowledged(told, 211)
    expect(controller.windowBytes).toBeCloseTo(reduced + packetBytes)
  })

  test('[RC11] slow start ends when round trips grow, before anything is lost', () => {
    const controller = begun(new AdditiveIncrease())
    rounds(controller, 12, 0, queueingPath)
    // Doubling would have been at 1 MiB after four.
    expect(controller.windowBytes).toBeLessThan(800_000)
    const before = controller.windowBytes
    round(controller, 100_000, 100)
    expect(controller.windowBytes - before).toBeLessThan(1.1 * packetBytes)
  })

  test('[RC11] and goes on when the growth was noise', () => {
    const controller = begun(new AdditiveIncrease())
    let nowMs = rounds(controller, 1, 0, () => 50)
    nowMs = rounds(controller, 1, nowMs, () => 70)
    const before = controller.windowBytes
    nowMs = rounds(controller, 1, nowMs, () => 50)
    rounds(controller, 1, nowMs, () => 50)
    expect(controller.windowBytes).toBeGreaterThan(2 * before)
  })
})

describe('scavenger', () => {
  test('[RC15] [RC16] settles where packets wait for the target, and no longer', () => {
    const controller = begun(new Scavenger())
    let nowMs = rounds(controller, 100, 0, queueingPath)
    const queueingMs: number[] = []
    for (let index = 0; index < 300; index += 1) {
      queueingMs.push(queueingPath(controller.windowBytes) - 50)
      nowMs = rounds(controller, 1, nowMs, queueingPath)
    }
    expect(Math.max(...queueingMs)).toBeLessThan(1.2 * queueingTargetMs)
    const middle = queueingMs.toSorted((left, right) => left - right)[150]!
    expect(middle).toBeGreaterThan(0.5 * queueingTargetMs)
  })

  test('[RC16] gives way to a queue that is not its own within some round trips', () => {
    const controller = begun(new Scavenger())
    let nowMs = rounds(controller, 100, 0, queueingPath)
    const before = controller.windowBytes
    nowMs = rounds(controller, 20, nowMs, (windowBytes) => queueingPath(windowBytes) + 150)
    expect(controller.windowBytes).toBeLessThan(before / 4)
    // And comes back when that is gone.
    let most = 0
    for (let count = 0; count < 100; count += 1) {
      nowMs = rounds(controller, 1, nowMs, queueingPath)
      most = Math.max(most, controller.windowBytes)
    }
    expect(most).toBeGreaterThan(80_000)
  })

  test('[RC17] slows down now and then, and measures the path without its own queue', () => {
    const controller = begun(new Scavenger())
    let nowMs = rounds(controller, 100, 0, queueingPath)
    const startMs = nowMs
    let slowMs = 0
    let emptyCount = 0
    while (nowMs < startMs + 60_000) {
      const beforeMs = nowMs
      nowMs = rounds(controller, 1, nowMs, queueingPath)
      if (controller.windowBytes < 0.75 * 50_000) slowMs += nowMs - beforeMs
      if (queueingPath(controller.windowBytes) === 50) emptyCount += 1
    }
    expect(emptyCount).toBeGreaterThan(10)
    expect(slowMs / 60_000).toBeLessThan(0.2)
  })

  test('[RC17] a path that became longer is not taken for a queue for ever', () => {
    const controller = begun(new Scavenger())
    const longer = (windowBytes: number) => Math.max(200, windowBytes / 1000)
    const nowMs = rounds(controller, 100, 0, queueingPath)
    rounds(controller, 400, nowMs, longer)
    expect(controller.windowBytes).toBeGreaterThan(150_000)
  })

  test('[RC18] where a queue is marked before the target, it stays below the marks', () => {
    const controller = begun(new Scavenger())
    let nowMs = 0
    let markCount = 0
    let sumBytes = 0
    for (let index = 0; index < 400; index += 1) {
      const roundTripMs = queueingPath(controller.windowBytes)
      nowMs += roundTripMs
      round(controller, nowMs, roundTripMs)
      if (index >= 100) sumBytes += controller.windowBytes
      if (roundTripMs <= 75 || index < 100) continue
      if (controller.congested('mark', nowMs - 1, nowMs)) markCount += 1
    }
    expect(markCount).toBeLessThan(20)
    expect(sumBytes / 300).toBeGreaterThan(45_000)
  })
})
