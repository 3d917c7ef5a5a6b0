import { expect, test } from 'vitest'

import { repeatMs, repeatMsMax, Repetition } from './repetition.ts'

/** Sends at each deadline; the pauses. */
function pausesOf(repetition: Repetition, nowMs: number, count: number): number[] {
  let sentAtMs = nowMs
  repetition.sent(sentAtMs)
  return Array.from({ length: count }, () => {
    const pauseMs = repetition.deadlineMs - sentAtMs
    sentAtMs = repetition.deadlineMs
    repetition.sent(sentAtMs)
    return pauseMs
  })
}

test('[CN42] pauses double from half a second to a minute', () => {
  expect(pausesOf(new Repetition(), 0, 9)).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ])
})

test('[CN42] a sign of life begins anew, half a second after the last repetition at the earliest', () => {
  const repetition = new Repetition()
  repetition.heard(0)
  expect(repetition.deadlineMs).toBe(Number.POSITIVE_INFINITY)
  pausesOf(repetition, 0, 9)
  const sentAtMs = repetition.deadlineMs - repeatMsMax
  repetition.heard(sentAtMs + 100)
  expect(repetition.deadlineMs).toBe(sentAtMs + repeatMs)
  repetition.heard(sentAtMs + 700)
  expect(repetition.deadlineMs).toBe(sentAtMs + repeatMs)
  expect(pausesOf(repetition, sentAtMs + 700, 3)).toEqual([500, 1000, 2000])
  repetition.sent(0)
  repetition.heard(10_000)
  expect(repetition.deadlineMs).toBeLessThanOrEqual(10_000)
})
