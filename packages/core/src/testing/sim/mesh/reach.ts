/** Which peers of a mesh reach one another at a moment. */

/** What is seen of a mesh from outside. */
export interface MeshView<Peer> {
  peers(): Iterable<Peer>
  /** Peers that it has a link to, of which both ends know. */
  neighbours(peer: Peer): Iterable<Peer>
  nextHop(at: Peer, destination: Peer): Peer | undefined
}

/** How many pairs of peers links join, and how many of them a packet would reach at this moment. */
export interface Reach {
  readonly connected: number
  readonly delivered: number
}

/** Looks at all pairs, each in both directions. */
export function reach<Peer>(mesh: MeshView<Peer>): Reach {
  const neighboursByPeer = new Map<Peer, ReadonlySet<Peer>>()
  for (const peer of mesh.peers()) neighboursByPeer.set(peer, new Set(mesh.neighbours(peer)))
  let connected = 0
  let delivered = 0
  for (const component of componentsOf(neighboursByPeer)) {
    connected += component.length * (component.length - 1)
    for (const destination of component) {
      delivered += countDelivered(mesh, neighboursByPeer, destination)
    }
  }
  return { connected, delivered }
}

function componentsOf<Peer>(
  neighboursByPeer: ReadonlyMap<Peer, ReadonlySet<Peer>>,
): readonly (readonly Peer[])[] {
  const components: Peer[][] = []
  const seen = new Set<Peer>()
  for (const start of neighboursByPeer.keys()) {
    if (seen.has(start)) continue
    const component = new Set([start])
    for (const peer of component) {
      for (const next of neighboursByPeer.get(peer)!) component.add(next)
    }
    for (const peer of component) seen.add(peer)
    components.push([...component])
  }
  return components
}

/** How many peers have a path to it, over links that are up. */
function countDelivered<Peer>(
  mesh: MeshView<Peer>,
  neighboursByPeer: ReadonlyMap<Peer, ReadonlySet<Peer>>,
  destination: Peer,
): number {
  const arrives = new Map([[destination, true]])
  let count = 0
  for (const start of neighboursByPeer.keys()) {
    const path: Peer[] = []
    let at: Peer | undefined = start
    while (at !== undefined && !arrives.has(at)) {
      path.push(at)
      // For as long as it is not known better: so a circle ends.
      arrives.set(at, false)
      const next: Peer | undefined = mesh.nextHop(at, destination)
      at = next !== undefined && neighboursByPeer.get(at)!.has(next) ? next : undefined
    }
    const outcome = at !== undefined && arrives.get(at) === true
    for (const peer of path) arrives.set(peer, outcome)
    if (outcome && start !== destination) count += 1
  }
  return count
}
