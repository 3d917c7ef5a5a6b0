/**
 * The parts that the mesh would fall into without this peer, by the word of presence records: which of its
 * links are the only one to a part (rules LP11 and LP13).
 */

import type { PeerId } from '../../identity/peer-id.ts'
import { recordNeighboursMax } from '../presence-record.ts'
import type { MeshView } from './mesh-view.ts'

/** Peers that are linked with each other without this one. */
export interface MeshPart {
  readonly peers: ReadonlySet<PeerId>
  /** Those of them that this peer is linked with. */
  readonly neighbours: readonly PeerId[]
}

/** Each neighbour is in one of them. Linear in the number of links of the mesh. */
export function partsWithout(view: MeshView): readonly MeshPart[] {
  const linked = linkedPeers(view)
  const parts: MeshPart[] = []
  const placed = new Set<PeerId>()
  for (const start of view.links.keys()) {
    if (placed.has(start)) continue
    const peers = new Set([start])
    // A set is iterated over what is added meanwhile.
    for (const peer of peers) {
      for (const other of linked.get(peer) ?? []) if (other !== view.local) peers.add(other)
    }
    const neighbours = [...view.links.keys()].filter((peer) => peers.has(peer))
    for (const peer of neighbours) placed.add(peer)
    parts.push({ peers, neighbours })
  }
  return parts
}

/**
 * Who is linked with whom. Both ends have to say so, or a single one that lies could make a link that is
 * needed look needless; but for those with so many links that they do not tell of all.
 */
function linkedPeers(view: MeshView): ReadonlyMap<PeerId, readonly PeerId[]> {
  const told = new Map<PeerId, ReadonlySet<PeerId>>()
  for (const { peer, neighbours } of view.records()) {
    told.set(peer, new Set(neighbours.map((neighbour) => neighbour.peer)))
  }
  const linked = new Map<PeerId, PeerId[]>()
  const add = (from: PeerId, to: PeerId): void => {
    const others = linked.get(from)
    if (others === undefined) linked.set(from, [to])
    else others.push(to)
  }
  for (const [peer, neighbours] of told) {
    for (const neighbour of neighbours) {
      const theirs = told.get(neighbour)
      if (theirs?.has(peer) === true) add(peer, neighbour)
      else if (theirs !== undefined && theirs.size >= recordNeighboursMax) {
        add(peer, neighbour)
        add(neighbour, peer)
      }
    }
  }
  return linked
}
