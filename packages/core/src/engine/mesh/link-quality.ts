/**
 * How good a link is, in the steps that people are shown (rule PR15): the worst of its round trip, its
 * losses and what it carries, as far as these are measured.
 */

import type { LinkDescription } from '../link/link-port.ts'

/** From the worst to the best. */
export const linkQualities = ['poor', 'fair', 'good', 'excellent'] as const
export type LinkQuality = (typeof linkQualities)[number]

/** Place in `linkQualities`, plus 1; 0 when the round trip is not measured. */
export type QualityStep = number

/** What quality is made of. */
export type JudgedLink = Pick<LinkDescription, 'rttMs' | 'bandwidthBytesPerSecond' | 'lossRatio'>

interface Demand {
  readonly rttMsMost: number
  readonly lossRatioMost: number
  readonly bytesPerSecondLeast: number
}

/**
 * What each step but the first asks for. Excellent is a local network; a call is still easy on a good one; a
 * keystroke comes within half a second on a fair one, as over Bluetooth.
 */
const demands: readonly Demand[] = [
  { rttMsMost: 500, lossRatioMost: 0.1, bytesPerSecondLeast: 10_000 },
  { rttMsMost: 100, lossRatioMost: 0.03, bytesPerSecondLeast: 100_000 },
  { rttMsMost: 20, lossRatioMost: 0.01, bytesPerSecondLeast: 1_000_000 },
]

/** A measurement must be beyond a limit by this factor before another step is told. */
const stickiness = 1.2

/** The step of a link, staying at the present one while it is nearly right. */
export function qualityStepOf(link: JudgedLink, present: QualityStep): QualityStep {
  if (link.rttMs === undefined) return 0
  if (present === 0) return stepOf(link, 1)
  const isNearlyRight =
    stepOf(link, 1 / stickiness) <= present && present <= stepOf(link, stickiness)
  return isNearlyRight ? present : stepOf(link, 1)
}

/** What a step stands for; undefined for "not measured". */
export function qualityOfStep(step: QualityStep): LinkQuality | undefined {
  return linkQualities[step - 1]
}

/** The step by demands that are so many times as easy. */
function stepOf(link: JudgedLink, ease: number): QualityStep {
  return 1 + demands.filter((demand) => meets(link, demand, ease)).length
}

function meets(link: JudgedLink, demand: Demand, ease: number): boolean {
  const { rttMs = 0, lossRatio = 0, bandwidthBytesPerSecond = Infinity } = link
  return (
    rttMs <= demand.rttMsMost * ease &&
    lossRatio <= demand.lossRatioMost * ease &&
    bandwidthBytesPerSecond >= demand.bytesPerSecondLeast / ease
  )
}
