/**
 * Which of several paths is taken, and when another one takes its place (rules RT10 to RT12).
 *
 * The present path has the advantage, so that measurements that wobble move nothing; a direct link
 * has it over a path through somebody else, whose battery and bandwidth it spares.
 */

import type { Route } from './router.ts'

/** A path must beat the present one by this share of its metric… */
export const improvementShare = 0.2
/** …for this long. */
export const improvementMs = 4_000
/** A direct link takes over at once while it costs less than this many times the present path… */
export const directTakeoverRatio = 1.6
/** …and is left only for a path that costs less than this share of it. */
export const directAbandonRatio = 0.5

/** What to do about the best challenger of the present path. */
export type Verdict = 'keep' | 'switch-now' | 'switch-after-delay'

/** Judges the best other path against the present one, both with their metrics of now. */
export function judgeChallenger(present: Route, challenger: Route): Verdict {
  if (challenger.hopCount === 1 && present.hopCount > 1) {
    if (challenger.metric < present.metric * directTakeoverRatio) return 'switch-now'
  }
  const share =
    present.hopCount === 1 && challenger.hopCount > 1 ? directAbandonRatio : 1 - improvementShare
  return challenger.metric < present.metric * share ? 'switch-after-delay' : 'keep'
}
