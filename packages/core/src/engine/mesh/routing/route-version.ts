/**
 * How new a route is, and how far: what loop freedom rests on (rules RO2, RO8 and RO16).
 *
 * A destination numbers its own routes: by boot, and by a sequence number within the boot. A distance
 * is better when it is newer, or as new and shorter. Along any path that is in use, distances get
 * better from peer to peer, so that no path comes back to where it was.
 */

/** Which word of the destination a route goes back to. */
export interface RouteVersion {
  /** Boot of the destination. */
  readonly epoch: number
  /** From 1 in each boot; counted up by the destination when somebody asks for a newer one. */
  readonly sequence: number
}

/** A version, and the sum of link metrics from there to the destination. */
export interface Distance extends RouteVersion {
  readonly metric: number
}

/** Whether the left one is strictly newer. */
export function isNewerVersion(left: RouteVersion, right: RouteVersion): boolean {
  if (left.epoch !== right.epoch) return left.epoch > right.epoch
  return left.sequence > right.sequence
}

/** Whether the left one is strictly better: newer, or as new and shorter (RFC 8966, section 3.5.1). */
export function isBetterDistance(left: Distance, right: Distance): boolean {
  if (left.epoch !== right.epoch) return left.epoch > right.epoch
  if (left.sequence !== right.sequence) return left.sequence > right.sequence
  return left.metric < right.metric
}

/** The better one; the right one where they are equal, or where there is no left one. */
export function betterDistance(left: Distance | undefined, right: Distance): Distance {
  return left !== undefined && isBetterDistance(left, right) ? left : right
}
