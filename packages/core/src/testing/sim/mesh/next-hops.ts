/** The way of a packet: from next hop to next hop towards its destination. */

/** The way, which holds neither its destination nor, unless it is a circle, any peer twice. */
export interface Way<Peer> {
  readonly path: readonly Peer[]
  /** A `circle` ends with the peer that it came back to; `lost` is who has no next hop. */
  readonly end: 'arrived' | 'circle' | 'lost'
}

/** Follows the next hops from a peer on. */
export function followNextHops<Peer>(
  start: Peer,
  destination: Peer,
  nextHopOf: (at: Peer) => Peer | undefined,
): Way<Peer> {
  const visited = new Set<Peer>()
  let at: Peer | undefined = start
  while (at !== undefined && at !== destination) {
    if (visited.has(at)) return { path: [...visited, at], end: 'circle' }
    visited.add(at)
    at = nextHopOf(at)
  }
  return { path: [...visited], end: at === undefined ? 'lost' : 'arrived' }
}
