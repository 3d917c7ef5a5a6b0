/** What the planner of links sees of the mesh at one moment. */

import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkDescription } from '../../link/link-port.ts'
import type { PresenceRecord, PresenceTransport } from '../presence-record.ts'

export interface MeshView {
  readonly local: PeerId
  /** Transports that run here. */
  readonly transports: readonly PresenceTransport[]
  readonly links: ReadonlyMap<PeerId, LinkDescription>
  /** Peers with a route, neighbours among them. */
  reachable(): readonly PeerId[]
  /** Undefined without a route. */
  hopCount(peer: PeerId): number | undefined
  record(peer: PeerId): PresenceRecord | undefined
  /** Of all peers that others can say something about. */
  records(): Iterable<PresenceRecord>
}

/** The signalling transport that both run and that this end can dial; of several the first by name. */
export function sharedTransport(view: MeshView, peer: PeerId): string | undefined {
  const own = dialable(view)
  if (own.length === 0) return undefined
  const theirs = view.record(peer)?.transports.filter(isIntroducible)
  return own.find((name) => theirs?.some((transport) => transport.name === name) === true)
}

/** A direct channel over a signalling transport would be better: the LAN's own sockets are not. */
export function isWorse(link: LinkDescription): boolean {
  return link.cost.class !== 'lan'
}

/** How many links the peer says that it has; not proven. */
export function toldDegree(view: MeshView, peer: PeerId): number {
  return view.record(peer)?.neighbours.length ?? 0
}

/** The signalling transports that this end can dial, by name. */
function dialable({ transports }: MeshView): readonly string[] {
  return transports
    .filter((transport) => isIntroducible(transport) && transport.canDial)
    .map((transport) => transport.name)
    .sort()
}

function isIntroducible(transport: PresenceTransport): boolean {
  return transport.needsSignalling && !transport.needsUserGesture
}
