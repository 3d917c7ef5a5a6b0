/** The presence graph: every peer and every connection this peer knows of. Plain data. */

import type { ChannelCost } from '../../transport/channel.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { encodeHex } from '../bytes/hex.ts'
import { qualityOfStep, type LinkQuality } from './link-quality.ts'
import type { LocalLink } from './presence-content.ts'
import {
  emptyPresenceContent,
  type PresenceContent,
  type PresenceRecord,
} from './presence-record.ts'
import { rttMsOf } from './rtt-step.ts'

export interface PresencePeer {
  readonly peer: PeerId
  /** Ed25519 public key, in hexadecimal digits; undefined until its record or a link has told. */
  readonly publicKey: string | undefined
  /** Name and metadata as the peer's application gave them. */
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  /** What it runs on: `chromium`, `firefox`, `safari`, `browser` or `node`; empty when it did not say. */
  readonly platform: string
  /** The version of this library that it runs; empty when it did not say. */
  readonly libraryVersion: string
  /** Names of the transports it runs. */
  readonly transports: readonly string[]
  /**
   * Hops to it: 0 for this peer, 1 when it is reached directly, more when others pass packets on;
   * undefined when known but not reachable.
   */
  readonly hopCount: number | undefined
}

/** A link between two peers; `from` reported it. Reported by both ends, it is listed twice. */
export interface PresenceConnection {
  readonly from: PeerId
  readonly to: PeerId
  /** Transport of the active channel, such as `webrtc`. */
  readonly transport: string
  readonly costClass: ChannelCost['class']
  /** Somebody pays by the byte. */
  readonly metered: boolean
  /**
   * Round-trip time, in milliseconds, smoothed; others tell the next of 1, 2, 5, 10 and so on up to
   * 5,000. Undefined until measured.
   */
  readonly rttMs: number | undefined
  /** The worst of its round trip, its losses and what it carries; undefined until measured. */
  readonly quality: LinkQuality | undefined
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
  /** Its public key. */
  readonly publicKey: Uint8Array
  readonly links: readonly LocalLink[]
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
  const add = (peer: PeerId, publicKey: string | undefined, said: PresenceContent): void => {
    const { name, platform, libraryVersion, metadata } = said
    const transports = said.transports.map((transport) => transport.name)
    const hopCount = sources.hopCount(peer)
    const about = { name, platform, libraryVersion, metadata, transports, hopCount }
    peers.set(peer, { peer, publicKey, ...about })
  }
  const connections: PresenceConnection[] = links.map(({ description, qualityStep }) => ({
    from: local,
    to: description.peer,
    transport: description.transport,
    costClass: description.cost.class,
    metered: description.cost.metered,
    rttMs: description.rttMs,
    quality: qualityOfStep(qualityStep),
  }))
  add(local, encodeHex(sources.publicKey), content)
  for (const record of sources.records) {
    add(record.peer, record.publicKey, record)
    if (sources.isAttached(record.peer)) connections.push(...connectionsOf(record))
  }
  // Reachable already, while its record is still on the way.
  for (const peer of sources.reachable) {
    if (peers.has(peer) || sources.hasLeft(peer)) continue
    const link = links.find(({ description }) => description.peer === peer)
    add(peer, link && encodeHex(link.description.publicKey), emptyPresenceContent)
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
  return record.neighbours.map(({ peer, transport, cost, rttStep, qualityStep }) => ({
    from: record.peer,
    to: peer,
    transport,
    costClass: cost.class,
    metered: cost.metered,
    rttMs: rttMsOf(rttStep),
    quality: qualityOfStep(qualityStep),
  }))
}

function order(left: string, right: string): number {
  return left < right ? -1 : Number(left > right)
}
