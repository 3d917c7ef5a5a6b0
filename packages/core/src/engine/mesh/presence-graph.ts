/** The presence graph: every peer and every connection this peer knows of. Plain data. */

import type { ChannelCost } from '../../transport/channel.ts'
import type { PeerId } from '../identity/peer-id.ts'

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
  readonly connections: readonly PresenceConnection[]
}
