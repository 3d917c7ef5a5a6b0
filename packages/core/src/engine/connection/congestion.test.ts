/** Both congestion controllers, told of acknowledgements by hand. */

import { describe, expect, test } from 'vitest'

import { Cubic } from './congestion-default.ts'
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

/** What a mark leaves of the window. */
const markFactors = { default: 0.85, scavenger: 0.7 } as const

/** A path of 1 MB/s and 50 ms that queues what does not fit. */
const queueingPath = (windowBytes: number) => Math.max(50, windowBytes / 1000)

const controllers: readonly (readonly [keyof typeof firstParts, () => CongestionController])[] = [
  ['default', () => new Cubic()],
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

  test('[RC7] a loss takes 0.3 of it, a mark as much for bulk and else half of that', () => {
    for (const cause of ['loss', 'mark'] as const) {
      const controller = begun(make())
      expect(controller.congested(cause, 5, 10)).toBe(true)
      expect(controller.windowBytes).toBeCloseTo(
        first * (cause === 'loss' ? 0.7 : markFactors[name]),
      )
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
    expect(controller.windowBytes).toBeCloseTo(first * markFactors[name])
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
  test('[RC6] doubles until a loss, then grows back as CUBIC has it, and beyond', () => {
    const controller = begun(new Cubic())
    round(controller, 100, 100)
    const former = 2 * congestionWindowBytesInitial
    expect(controller.windowBytes).toBe(former)
    controller.congested('loss', 101, 110)
    const reduced = former * 0.7
    // RFC 9438, section 4.2: the root of what is missing, in packets, over 0.4.
    const returnMs = 1_000 * Math.cbrt((former - reduced) / packetBytes / 0.4)
    const windows: number[] = []
    for (let nowMs = 510; nowMs < 110 + 2 * returnMs; nowMs += 400) {
      round(controller, nowMs, 399)
      windows.push(controller.windowBytes)
    }
    const rounds = windows.length
    // Fast, slowly around where it was, and fast.
    const growth = (from: number, to: number): number =>
      windows[Math.floor(to * (rounds - 1))]! - windows[Math.floor(from * (rounds - 1))]!
    expect(Math.abs(windows[Math.floor(rounds / 2)]! / former - 1)).toBeLessThan(0.1)
    expect(growth(0, 0.25)).toBeGreaterThan(2 * growth(0.375, 0.625))
    expect(growth(0.75, 1)).toBeGreaterThan(2 * growth(0.375, 0.625))
  })

  test('[RC6] on a short path it grows by a packet a round trip where that is more', () => {
    const controller = begun(new Cubic())
    controller.congested('loss', 1, 2)
    const reduced = controller.windowBytes
    let nowMs = 2
    for (let count = 0; count < 40; count += 1) {
      nowMs += 2
      round(controller, nowMs, 1)
    }
    expect((controller.windowBytes - reduced) / packetBytes).toBeGreaterThan(38)
  })

  test('[RC6] and by round trips of any length alike', () => {
    const [short, long] = [200, 800].map((roundTripMs) => {
      const controller = begun(new Cubic())
      controller.congested('mark', 1, 2)
      for (let nowMs = 2 + roundTripMs; nowMs < 10_000; nowMs += roundTripMs) {
        round(controller, nowMs, roundTripMs - 1)
      }
      return controller.windowBytes
    })
    expect(long! / short!).toBeGreaterThan(0.8)
    expect(long! / short!).toBeLessThan(1.25)
  })

  test('[RC6] time in which the window is not the limit does not count', () => {
    const controller = begun(new Cubic())
    controller.congested('loss', 1, 2)
    const reduced = controller.windowBytes
    for (let nowMs = 102; nowMs < 20_000; nowMs += 100) round(controller, nowMs, 99, false)
    expect(controller.windowBytes).toBe(reduced)
    round(controller, 20_002, 99)
    expect(controller.windowBytes).toBeLessThan(1.2 * reduced)
  })

  test('[RC11] slow start ends when round trips grow, before anything is lost', () => {
    const controller = begun(new Cubic())
    rounds(controller, 12, 0, queueingPath)
    // Doubling would have been at 1 MiB after four.
    expect(controller.windowBytes).toBeLessThan(800_000)
    const before = controller.windowBytes
    round(controller, 100_000, 100)
    expect(controller.windowBytes - before).toBeLessThan(1.5 * packetBytes)
  })

  test('[RC11] and goes on when the growth was noise', () => {
    const controller = begun(new Cubic())
    let nowMs = rounds(controller, 1, 0, () => 50)
    nowMs = rounds(controller, 1, nowMs, () => 70)
    const before = controller.windowBytes
    nowMs = rounds(controller, 1, nowMs, () => 50)
    rounds(controller, 1, nowMs, () => 50)
    expect(controller.windowBytes).toBeGreaterThan(2 * before)
  })
})

describe('scavenger', () => {
  test.each([
    { bytesPerMs: 80, targetMs: queueingTargetMs },
    { bytesPerMs: 250, targetMs: 600 / Math.sqrt(250) },
    { bytesPerMs: 1_000, targetMs: 600 / Math.sqrt(1_000) },
  ])(
    '[RC15] [RC16] settles where packets wait for the target, at $bytesPerMs kB/s',
    ({ bytesPerMs, targetMs }) => {
      const controller = begun(new Scavenger())
      const path = (windowBytes: number): number => Math.max(50, windowBytes / bytesPerMs)
      let nowMs = rounds(controller, 100, 0, path)
      const queueingMs: number[] = []
      for (let index = 0; index < 300; index += 1) {
        queueingMs.push(path(controller.windowBytes) - 50)
        nowMs = rounds(controller, 1, nowMs, path)
      }
      expect(Math.max(...queueingMs)).toBeLessThan(targetMs + 20)
      const middle = queueingMs.toSorted((left, right) => left - right)[150]!
      expect(middle).toBeGreaterThan(0.6 * targetMs)
      expect(middle).toBeLessThan(1.2 * targetMs)
    },
  )

  test('[RC16] packets that are late in a round now and then do not shrink it', () => {
    const controller = begun(new Scavenger())
    let nowMs = rounds(controller, 100, 0, queueingPath)
    let least = Number.POSITIVE_INFINITY
    for (let index = 0; index < 40; index += 1) {
      // Up to five rounds in a row.
      const lateMs = index % 6 === 0 ? 0 : 100
      const roundTripMs = queueingPath(controller.windowBytes) + lateMs
      nowMs += roundTripMs
      round(controller, nowMs, roundTripMs)
      if (nowMs < 4_000) least = Math.min(least, controller.windowBytes)
    }
    expect(least).toBeGreaterThan(50_000)
  })

  test.each([
    { basesMs: [30, 30], bytesPerMs: 500 },
    { basesMs: [30, 180], bytesPerMs: 500 },
    { basesMs: [20, 100], bytesPerMs: 2_000 },
  ])(
    '[RC15] [RC16] two that share a queue share the path, with round trips of $basesMs ms',
    ({ basesMs, bytesPerMs }) => {
      const ends = basesMs.map((baseMs, index) => ({
        baseMs,
        controller: begun(new Scavenger()),
        // The second one comes when the first has filled the path.
        nextMs: index * 5_000 + baseMs,
        bytes: 0,
      }))
      for (let nowMs = 0; nowMs < 60_000; nowMs = Math.min(...ends.map(({ nextMs }) => nextMs))) {
        for (const end of ends) {
          if (end.nextMs > nowMs) continue
          const active = ends.filter(({ nextMs, baseMs }) => nextMs <= nowMs + baseMs + 1_000)
          const rate = (queueMs: number): number =>
            active.reduce((sum, { controller, baseMs }) => {
              return sum + controller.windowBytes / (baseMs + queueMs)
            }, 0)
          let queueMs = 0
          while (rate(queueMs) > bytesPerMs) queueMs += 1
          const roundTripMs = end.baseMs + queueMs
          if (nowMs > 30_000) end.bytes += end.controller.windowBytes
          round(end.controller, nowMs, roundTripMs)
          end.nextMs = nowMs + roundTripMs
        }
      }
      const [first, second] = ends.map(({ bytes }) => bytes) as [number, number]
      expect(first / (first + second)).toBeGreaterThan(0.4)
      expect(first / (first + second)).toBeLessThan(0.6)
      expect((first + second) / 30_000 / bytesPerMs).toBeGreaterThan(0.9)
    },
  )

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
    expect(most).toBeGreaterThan(60_000)
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
