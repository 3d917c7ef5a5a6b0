import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SleepAwareClock } from './sleep-aware-clock.ts'

function setUp() {
  const sources = { monotonic: 50, wall: 1_700_000_000_000 }
  const leaps: number[] = []
  const clock = new SleepAwareClock(
    { monotonicMs: () => sources.monotonic, wallMs: () => sources.wall },
    (leapMs) => leaps.push(leapMs),
  )
  return { sources, clock, leaps }
}

test('time that only the wall clock saw pass is a sleep and counts', () => {
  const { sources, clock, leaps } = setUp()
  const beforeMs = clock.nowMs()
  sources.monotonic += 10
  sources.wall += 10 + 3_600_000
  expect(clock.nowMs() - beforeMs).toBe(3_600_010)
  expect(leaps).toEqual([3_600_000])
})

test('a wall clock set back, or by years, neither stops the clock nor sends it years ahead', () => {
  const { sources, clock } = setUp()
  const beforeMs = clock.nowMs()
  sources.wall -= 1_000_000_000
  sources.monotonic += 5
  expect(clock.nowMs() - beforeMs).toBe(5)
  sources.wall += 50 * 365 * 24 * 3_600_000
  expect(clock.nowMs() - beforeMs).toBe(5 + 24 * 3_600_000)
})

test('a wall clock that is slewed adds nothing', () => {
  const { sources, clock } = setUp()
  const beforeMs = clock.nowMs()
  for (let step = 0; step < 1_000; step += 1) {
    sources.monotonic += 1_000
    sources.wall += 1_005
    clock.nowMs()
  }
  expect(clock.nowMs() - beforeMs).toBe(1_000_000)
})

test('the clock never goes back, whatever the wall clock does', () => {
  const steps = fc.array(fc.tuple(fc.nat(100_000), fc.integer({ min: -1e13, max: 1e13 })))
  fc.assert(
    fc.property(steps, (steps) => {
      const { sources, clock } = setUp()
      let lastMs = clock.nowMs()
      for (const [monotonicMs, wallMs] of steps) {
        sources.monotonic += monotonicMs
        sources.wall += wallMs
        const nowMs = clock.nowMs()
        expect(nowMs).toBeGreaterThanOrEqual(lastMs + monotonicMs)
        lastMs = nowMs
      }
    }),
  )
})
