/**
 * The metric: what sending over a link costs, additive along a path (rule RO12).
 *
 * It is four times the milliseconds that 4 KiB take to arrive, so that quarters of a millisecond
 * count, weighted by the kind of link:
 * `clamp(16, 32767, round(4 · weight · (rtt / 2 + 4096 / bandwidth) / delivered) + 512 if metered)`.
 * RTT and bandwidth are assumed by kind until the link measured them, and that nothing is lost.
 */

import type { ChannelCost } from '../../transport/channel.ts'
import type { LinkDescription } from '../link/link-port.ts'

/** No link is free: below this, differences are noise, and every hop must cost something. */
export const linkMetricMin = 16
/**
 * Some eight seconds for 4 KiB: slower ones are as bad, and so is a link that does not answer. The
 * longest path still has a small sum.
 */
export const linkMetricMax = 32_767
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

/** What the metric is made of. */
export type MeasuredLink = Pick<
  LinkDescription,
  'cost' | 'rttMs' | 'isSuspect' | 'bandwidthBytesPerSecond' | 'lossRatio'
>

/** What a link carries, in bytes per second: as measured, or as assumed of its kind. */
export function linkBytesPerSecond(link: MeasuredLink): number {
  return link.bandwidthBytesPerSecond ?? kinds[link.cost.class].bandwidth * 1_000
}

/** The metric of one link, `linkMetricMin` to `linkMetricMax`. */
export function linkMetric(link: MeasuredLink): number {
  if (link.isSuspect) return linkMetricMax
  const kind = kinds[link.cost.class]
  const carryMs = (referenceBytes * 1_000) / linkBytesPerSecond(link)
  const transferMs = (link.rttMs ?? kind.rttMs) / 2 + carryMs
  const deliveredShare = 1 - (link.lossRatio ?? 0)
  const metered = link.cost.metered ? meteredMetric : 0
  const metric = Math.round((4 * kind.weight * transferMs) / deliveredShare) + metered
  return Math.min(linkMetricMax, Math.max(linkMetricMin, metric))
}
