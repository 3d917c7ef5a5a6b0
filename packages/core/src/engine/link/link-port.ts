/** What the mesh layer sees of links: calls go down, events come up through `poll`. */

import type { ChannelCost } from '../../transport/channel.ts'
import type { PeerId } from '../identity/peer-id.ts'

/** Who goes first when a link is busy; lower numbers first. */
export const priorities = ['control', 'interactive', 'sync', 'bulk'] as const
export type Priority = (typeof priorities)[number]

/** Frames that a link carries for the mesh layer. Links carry others for themselves. */
export type MeshFrameKind = 'route' | 'presence' | 'packet'

/**
 * A frame's payload: whole, or in parts that follow one another, which are copied together only into
 * what leaves. A part may be in other payloads as well, so it is only read, and not changed until the
 * frame has left.
 */
export type FramePayload = Uint8Array | readonly Uint8Array[]

/** `full`: nothing was taken, the neighbour's `link-writable` follows. `no-link`: no such neighbour. */
export type LinkSendResult = 'accepted' | 'full' | 'no-link'

export interface LinkPort {
  /** Sends one frame's payload to a neighbour; fragmented below, at most 64 KiB. */
  send(
    neighbour: PeerId,
    kind: MeshFrameKind,
    priority: Priority,
    payload: FramePayload,
    nowMs: number,
  ): LinkSendResult
}

/** A link as the layers above see it. */
export interface LinkDescription {
  readonly peer: PeerId
  /** Ed25519 public key, proven in the handshake. */
  readonly publicKey: Uint8Array
  readonly transport: string
  readonly cost: ChannelCost
  /** Smoothed round-trip time, in milliseconds; undefined until measured. */
  readonly rttMs: number | undefined
  /** The active channel has not answered for 2 s (LK6), and there is no other. */
  readonly isSuspect: boolean
  /** What the active channel was seen to carry; undefined until it had more to send than it carries. */
  readonly bandwidthBytesPerSecond?: number | undefined
  /** Smoothed share of messages that are lost, 0 to 1; undefined until enough were sent. */
  readonly lossRatio?: number | undefined
  /** Longest message that the active channel was seen to take, in bytes. */
  readonly messageBytes?: number | undefined
}
