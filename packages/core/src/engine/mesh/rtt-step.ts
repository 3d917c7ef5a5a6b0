/**
 * Round-trip times as presence tells them: coarse steps, so that a wobbling measurement is no news
 * (rule PR6).
 */

/** Upper ends of the steps, in milliseconds; step 0 is "not measured". */
export const rttStepsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const

/** Index into `rttStepsMs`, plus 1; 0 when not measured. */
export type RttStep = number

/** A measurement must leave its step by this share before another step is told. */
const stickiness = 0.2

/** The step of a measurement, staying at the present one while it is nearly right. */
export function rttStepOf(rttMs: number | undefined, present: RttStep): RttStep {
  if (rttMs === undefined) return 0
  if (present > 0) {
    const upperMs = rttStepsMs[present - 1] ?? Infinity
    const lowerMs = rttStepsMs[present - 2] ?? 0
    if (rttMs <= upperMs * (1 + stickiness) && rttMs >= lowerMs * (1 - stickiness)) return present
  }
  const found = rttStepsMs.findIndex((stepMs) => rttMs <= stepMs)
  return found === -1 ? rttStepsMs.length : found + 1
}

/** The time that a step stands for; undefined for "not measured". */
export function rttMsOf(step: RttStep): number | undefined {
  return rttStepsMs[step - 1]
}
