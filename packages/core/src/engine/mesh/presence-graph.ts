/** The presence graph: every peer and every connection this peer knows of. Plain data. */

import type { ChannelCost } from '../../transport/channel.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkDescription } from '../link/link-port.ts'
import type { PresenceContent, PresenceRecord } from './presence-record.ts'
import { rttMsOf } from './rtt-step.ts'

export interface PresencePeer {
  readonly peer: PeerId
  /** Name and metadata as the peer's application gave them. */
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  /** Names of the transports it runs. */
  readonly transports: readonly string[]
  /** Hops to it: 0 for this peer, 1 for a neighbour; undefined when known but not reachable. */
  readonly hopCount: number | undefined
}

/** A link between two peers; `from` reported it. Reported by both ends, it is listed twice. */
export interface PresenceConnection {
  readonly from: PeerId
  readonly to: PeerId
  /** Transport of the active channel, such as `webrtc`. */
  readonly transport: string
  readonly costClass: ChannelCost['class']
  /** Smoothed round-trip time, in milliseconds; undefined until measured. */
  readonly rttMs: number | undefined
}

export interface PresenceGraph {
  /** This peer. */
  readonly local: PeerId
  /** Sorted by peer id; this peer included. */
  readonly peers: readonly PresencePeer[]
  /** Sorted by `from`, then `to`. */
  readonly connections: readonly PresenceConnection[]
}

/** What the graph is put together from. */
export interface GraphSources {
  readonly local: PeerId
  /** What this peer says of itself. */
  readonly content: PresenceContent
  readonly links: readonly LinkDescription[]
  readonly records: Iterable<PresenceRecord>
  readonly reachable: readonly PeerId[]
  /** The record's peer is in sight, so its links are news and not history. */
  isAttached(peer: PeerId): boolean
  /** The peer said farewell: packets may reach it still. */
  hasLeft(peer: PeerId): boolean
  hopCount(peer: PeerId): number | undefined
}

/** This peer's view of the mesh: own links as measured, those of others as their records tell. */
export function presenceGraphOf(sources: GraphSources): PresenceGraph {
  const { local, content, links } = sources
  const peers = new Map<PeerId, PresencePeer>()
  const add = (peer: PeerId, said: PresenceContent): void => {
    const { name, metadata } = said
    const transports = said.transports.map((transport) => transport.name)
    peers.set(peer, { peer, name, metadata, transports, hopCount: sources.hopCount(peer) })
  }
  const connections: PresenceConnection[] = links.map((link) => ({
    from: local,
    to: link.peer,
    transport: link.transport,
    costClass: link.cost.class,
    rttMs: link.rttMs,
  }))
  add(local, content)
  for (const record of sources.records) {
    add(record.peer, record)
    if (sources.isAttached(record.peer)) connections.push(...connectionsOf(record))
  }
  // Reachable already, while its record is still on the way.
  const nothing = { name: '', metadata: {}, transports: [], neighbours: [] }
  for (const peer of sources.reachable) {
    if (!peers.has(peer) && !sources.hasLeft(peer)) add(peer, nothing)
  }
  return {
    local,
    peers: [...peers.values()].sort((left, right) => order(left.peer, right.peer)),
    connections: connections.sort(
      (left, right) => order(left.from, right.from) || order(left.to, right.to),
    ),
  }
}

function connectionsOf(record: PresenceRecord): readonly PresenceConnection[] {
  return record.neighbours.map(({ peer, transport, cost, rttStep }) => ({
    from: record.peer,
    to: peer,
    transport,
    costClass: cost.class,
    rttMs: rttMsOf(rttStep),
  }))
}

function order(left: string, right: string): number {
  return left < right ? -1 : Number(left > right)
}
