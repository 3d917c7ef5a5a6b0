/** What virtual connections tell the layer above, and why a connection ends. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'
import type { Problem } from '../problem.ts'
import type { StreamOutput } from './stream-port.ts'

/** Why this end closes in good order. */
export type CloseReason = 'closed' | 'stopping'

/** Why a connection ended. */
export type DisconnectReason =
  /** This end closed it. */
  | 'local'
  /** The other end closed it, in good order. */
  | 'remote'
  /** The other end has a new epoch; `connected` follows. */
  | 'restarted'
  /** The other end, in the same epoch, had lost the connection; `connected` follows. */
  | 'replaced'
  /** The peer stayed away beyond `restMsMax`, or others that rest needed the room. */
  | 'expired'
  /** One of both ends broke a rule; the recorder's event says which. */
  | 'protocol'

/** Drained through `Connections.poll`, in the order in which things happened. */
export type ConnectionOutput =
  | StreamOutput
  /** Authenticated: the peer is who its id says. `epoch` counts its boots. */
  | { readonly type: 'connected'; readonly peer: PeerId; readonly epoch: number }
  | { readonly type: 'disconnected'; readonly peer: PeerId; readonly reason: DisconnectReason }
  /** The connection goes on where it stopped; it was without a route, or keys, for `awayMs`. */
  | { readonly type: 'resumed'; readonly peer: PeerId; readonly awayMs: number }
  /** One message, whole; the receiver owns the bytes. */
  | {
      readonly type: 'message'
      readonly peer: PeerId
      readonly stream: Priority
      readonly message: Uint8Array
    }
  | { readonly type: 'datagram'; readonly peer: PeerId; readonly payload: Uint8Array }
  /** A stream that answered `full` takes messages again. */
  | { readonly type: 'stream-writable'; readonly peer: PeerId; readonly stream: Priority }
  | { readonly type: 'problem'; readonly problem: Problem; readonly peer: PeerId }

/** Where the connections of one engine leave what they have to tell. */
export type ConnectionOutputs = ConnectionOutput[]

/** Codes of CLOSE frames, by their number on the wire; others are read as `protocol`. */
export const closeCodes = [
  /** `close` was called. */
  'closed',
  /** The peer is shutting down. */
  'stopping',
  /** A packet that no peer of this version sends. */
  'protocol',
  /** Data beyond the credit given. */
  'flow-control',
  /** A stream that nobody opened, whose header is none, or whose end is the connection's end. */
  'stream',
  /** A message length of zero or beyond `messageBytesMax`. */
  'message',
  /** More gaps than `reorderedRunsMax`. */
  'gaps',
  /** A stream that ends elsewhere than it ended before, or goes on beyond its end. */
  'final-size',
  /** More streams than were allowed. */
  'stream-limit',
] as const

export type CloseCode = (typeof closeCodes)[number]
