/**
 * The metric: what sending over a link costs, additive along a path (rules RT7 and RT8).
 *
 * It is four times the milliseconds that 4 KiB take to arrive, so that quarters of a millisecond
 * count, weighted by the kind of link:
 * `clamp(16, 32767, round(4 · weight · (rtt / 2 + 4096 / bandwidth)) + 512 if metered)`.
 * Links are reliable, so their delivery probability is 1; bandwidth is a default by kind until
 * links measure it.
 */

import type { ChannelCost } from '../../transport/channel.ts'
import type { LinkDescription } from '../link/link-port.ts'

/** No link is free: below this, differences are noise, and every hop must cost something. */
export const linkMetricMin = 16
/** Two links of this metric still add up to less than `metricInfinite`. */
export const linkMetricMax = 32_767
/** No path; the retraction on the wire. */
export const metricInfinite = 65_535
/** What a metered link costs on top: as much as 128 ms. */
export const meteredMetric = 512

const referenceBytes = 4_096

interface LinkKind {
  readonly weight: number
  /** Assumed, in bytes per millisecond. */
  readonly bandwidth: number
  /** Assumed until the first round trip is measured, in milliseconds. */
  readonly rttMs: number
}

const kinds: Readonly<Record<ChannelCost['class'], LinkKind>> = {
  lan: { weight: 1, bandwidth: 4_096, rttMs: 10 },
  wan: { weight: 1, bandwidth: 1_024, rttMs: 50 },
  relay: { weight: 1.5, bandwidth: 512, rttMs: 100 },
  bluetooth: { weight: 1.25, bandwidth: 20, rttMs: 100 },
}

/** The metric of one link, `linkMetricMin` to `linkMetricMax`. */
export function linkMetric(link: Pick<LinkDescription, 'cost' | 'rttMs'>): number {
  const kind = kinds[link.cost.class]
  const transferMs = (link.rttMs ?? kind.rttMs) / 2 + referenceBytes / kind.bandwidth
  const metric = Math.round(4 * kind.weight * transferMs) + (link.cost.metered ? meteredMetric : 0)
  return Math.min(linkMetricMax, Math.max(linkMetricMin, metric))
}
