/**
 * The router: who is the next hop towards whom.
 *
 * The seam behind which routing protocols change. A router sends its frames down through the
 * `LinkPort`, keeps back what a link refuses until `neighbourWritable`, and reports each change of
 * a path through `poll`. Forwarding asks `nextHop` for each packet.
 */

import type { PeerId } from '../identity/peer-id.ts'
import type { SizeClass } from './size-class.ts'

/** What a link to a neighbour is worth. */
export interface NeighbourQuality {
  /** See metric.ts. */
  readonly metric: number
  readonly sizeClass: SizeClass
  /** What it carries: measured, or assumed by its kind. */
  readonly bytesPerSecond: number
}

/** The selected path to a destination. */
export interface Route {
  readonly nextHop: PeerId
  readonly metric: number
  /** 1 for a neighbour. */
  readonly hopCount: number
  /** Of the whole path. */
  readonly sizeClass: SizeClass
}

/** A path was selected, changed (next hop, hop count or size class) or lost. */
export interface RouteChange {
  readonly type: 'route-changed'
  readonly destination: PeerId
  readonly previous: Route | undefined
  readonly route: Route | undefined
  /** The previous path carries nothing any more; false where another one is merely better. */
  readonly isFormerGone: boolean
}

export interface Router {
  /** A link is up. A neighbour that is up already is down first. */
  neighbourUp(peer: PeerId, quality: NeighbourQuality, nowMs: number): void
  neighbourChanged(peer: PeerId, quality: NeighbourQuality, nowMs: number): void
  neighbourDown(peer: PeerId, nowMs: number): void
  /** The link takes frames again after it was full. */
  neighbourWritable(peer: PeerId, nowMs: number): void
  /** A route frame of a neighbour; hostile until proven otherwise. */
  frameReceived(from: PeerId, frame: Uint8Array, nowMs: number): void

  /** The selected path of this peer's own packets. */
  route(destination: PeerId): Route | undefined
  /** Where a packet goes next, whoever sent it. */
  nextHop(destination: PeerId): PeerId | undefined
  /** Every destination with a path, in no particular order. */
  reachable(): readonly PeerId[]

  poll(): RouteChange | undefined
  nextDeadlineMs(): number
  handleDeadline(nowMs: number): void
}
