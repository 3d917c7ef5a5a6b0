import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { rttMsOf, rttStepOf, rttStepsMs } from './rtt-step.ts'

test('[PR6] a step stands for its upper end, and the last one for all beyond', () => {
  expect(rttStepOf(undefined, 3)).toBe(0)
  expect(rttMsOf(0)).toBeUndefined()
  expect(rttMsOf(rttStepOf(0.2, 0))).toBe(1)
  expect(rttMsOf(rttStepOf(7, 0))).toBe(10)
  expect(rttMsOf(rttStepOf(60_000, 0))).toBe(5_000)
  for (const ms of rttStepsMs) expect(rttMsOf(rttStepOf(ms, 0))).toBe(ms)
})

test('[PR6] a measurement near the end of its step stays in it', () => {
  const step = rttStepOf(9, 0)
  expect(rttStepOf(11.9, step)).toBe(step)
  expect(rttStepOf(4.1, step)).toBe(step)
  expect(rttStepOf(12.1, step)).toBe(step + 1)
  expect(rttStepOf(3.9, step)).toBe(step - 1)
})

test('[PR6] at the last step there is nothing further up', () => {
  fc.assert(
    fc.property(fc.double({ min: 4_001, max: 1e9, noNaN: true }), (rttMs) => {
      expect(rttStepOf(rttMs, rttStepsMs.length)).toBe(rttStepsMs.length)
    }),
  )
})
