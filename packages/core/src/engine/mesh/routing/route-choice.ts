/**
 * Which of several paths is taken, and when another one takes its place (rules RO9 to RO11).
 *
 * The present path has the advantage, so that measurements that wobble move nothing; a direct link
 * has it over a path through somebody else, whose battery and bandwidth it spares.
 */

import { linkMetricMax } from '../metric.ts'
import type { Route } from '../router.ts'

/** A path must be better than the present one by this share of its metric… */
export const improvementShare = 0.2
/** …for this long. */
export const improvementMs = 4_000
/** A direct link takes over at once while it costs less than this many times the present path… */
export const directTakeoverRatio = 1.6
/** …and is left only for a path that costs less than this share of it. */
export const directAbandonRatio = 0.5

/** What to do about a challenger of the present path. */
type Verdict = 'keep' | 'switch-now' | 'switch-after-delay'

/** A path that is to take the place of the present one. */
export interface Challenger {
  readonly route: Route
  readonly isDelayed: boolean
}

/** The best of those paths that are better by enough: the cheapest one to be taken at once, if any. */
export function bestChallenger(present: Route, routes: readonly Route[]): Challenger | undefined {
  let best: Challenger | undefined
  for (const route of routes) {
    const verdict = judgeChallenger(present, route)
    if (verdict === 'keep') continue
    const isDelayed = verdict === 'switch-after-delay'
    const isBetter =
      best === undefined ||
      (isDelayed === best.isDelayed ? isCheaper(route, best.route) : best.isDelayed)
    if (isBetter) best = { route, isDelayed }
  }
  return best
}

/** The cheapest path. */
export function cheapest(routes: readonly Route[]): Route | undefined {
  let best: Route | undefined
  for (const route of routes) if (best === undefined || isCheaper(route, best)) best = route
  return best
}

/** Judges another path against the present one, both with their metrics of now. */
function judgeChallenger(present: Route, challenger: Route): Verdict {
  if (isSilent(present) && !isSilent(challenger)) return 'switch-now'
  const isDirect = challenger.hopCount === 1
  if (present.hopCount === 1) {
    const isMuchBetter = !isDirect && challenger.metric < present.metric * directAbandonRatio
    return isMuchBetter ? 'switch-after-delay' : 'keep'
  }
  if (isDirect && challenger.metric < present.metric * directTakeoverRatio) return 'switch-now'
  if (challenger.sizeClass > present.sizeClass && challenger.metric <= present.metric) {
    return 'switch-now'
  }
  const isBetter = challenger.metric < present.metric * (1 - improvementShare)
  return isBetter ? 'switch-after-delay' : 'keep'
}

/** The path goes over a link that does not answer. */
export function isSilent({ metric }: Route): boolean {
  return metric >= linkMetricMax
}

/** The cheaper path; of equal ones that over the smaller peer id. */
export function isCheaper(left: Route, right: Route): boolean {
  if (left.metric !== right.metric) return left.metric < right.metric
  return left.nextHop < right.nextHop
}
