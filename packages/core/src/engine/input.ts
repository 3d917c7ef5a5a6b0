/** What happens to an engine: the only things it ever learns, besides the time of each. */

import type { StorageFailureReason, StorageReadResult } from '../storage/storage.ts'
import type { ChannelCloseReason, ChannelTraits } from '../transport/channel.ts'
import type { DialFailureReason, TransportCapabilities } from '../transport/transport.ts'
import type { Command } from './command.ts'
import type { StreamHandle } from './connection/stream-port.ts'
import type { PeerId } from './identity/peer-id.ts'

/** Chosen by the driver for dialled and accepted channels alike; never reused. */
export type ChannelId = number
/** Chosen by the engine; never reused. */
export type DialId = number
/** Chosen by the engine; never reused. */
export type StorageRequestId = number
/** Chosen by the driver; never reused. */
export type CommandId = number
/** Chosen by the facade; never reused. */
export type MeetingId = number

/** What a channel came of that neither end dialled: an invitation that a person carried. */
export interface ChannelMeeting {
  readonly id: MeetingId
  /** Who invited. This end has joined then, and begins the handshake as if it had dialled. */
  readonly expectedPeer?: PeerId
}

export type StorageAnswer =
  | { readonly type: 'read'; readonly results: readonly StorageReadResult[] }
  /** The batch is durable. */
  | { readonly type: 'written' }
  | {
      readonly type: 'failed'
      readonly reason: StorageFailureReason
      readonly message: string
    }

export type Input =
  | {
      readonly type: 'transport-started'
      readonly transport: string
      readonly capabilities: TransportCapabilities
    }
  | { readonly type: 'transport-stopped'; readonly transport: string }
  | {
      readonly type: 'address-found'
      readonly transport: string
      readonly address: string
      /** The address was found by chance, and not given: who answers there, as it says. */
      readonly discovery?: { readonly peer?: PeerId }
    }
  | {
      readonly type: 'address-lost'
      readonly transport: string
      readonly address: string
    }
  | {
      readonly type: 'channel-opened'
      readonly channel: ChannelId
      readonly transport: string
      readonly traits: ChannelTraits
      /** The dial that opened it; absent when the other end did. */
      readonly dial?: DialId
      /** Answered by a `meeting-ended` event, once the handshake is over. */
      readonly meeting?: ChannelMeeting
    }
  | {
      readonly type: 'channel-received'
      readonly channel: ChannelId
      /** One message; the engine owns the bytes. */
      readonly bytes: Uint8Array
    }
  /** Credit: how much of what was sent on the channel, in all since it opened, has left this machine. */
  | {
      readonly type: 'channel-drained'
      readonly channel: ChannelId
      readonly drainedBytes: number
    }
  | {
      readonly type: 'channel-closed'
      readonly channel: ChannelId
      readonly reason: ChannelCloseReason
    }
  | {
      readonly type: 'dial-failed'
      readonly dial: DialId
      readonly reason: DialFailureReason
      readonly message: string
    }
  /** A transport of ours wants a signal carried to that peer's transport of the same name. */
  | {
      readonly type: 'signal-sent'
      readonly transport: string
      readonly peer: PeerId
      readonly signal: Uint8Array
    }
  | {
      readonly type: 'storage-answered'
      readonly request: StorageRequestId
      readonly answer: StorageAnswer
    }
  | { readonly type: 'command'; readonly command: CommandId; readonly body: Command }
  /**
   * Bytes for a stream, at most `streamWriteBytesMax`; the engine owns them. The writer keeps within
   * `streamWriteBytesMax` beyond what `stream-drained` reported. `finish`: none follow.
   */
  | {
      readonly type: 'stream-written'
      readonly stream: StreamHandle
      readonly bytes: Uint8Array
      readonly finish: boolean
    }
  /** Credit: the reader of the stream has taken that many bytes more. */
  | { readonly type: 'stream-consumed'; readonly stream: StreamHandle; readonly bytes: number }
  /** The application gives up writing to the stream. */
  | { readonly type: 'stream-reset'; readonly stream: StreamHandle; readonly code: number }
  /** The application gives up reading the stream. */
  | { readonly type: 'stream-stopped'; readonly stream: StreamHandle; readonly code: number }
  /** The machine slept for that long. */
  | { readonly type: 'woke'; readonly sleptMs: number }
  /** The networks of this machine are others, or have other addresses. */
  | { readonly type: 'network-changed'; readonly transport: string }
  /** The deadline of `nextDeadlineMs` has come. */
  | { readonly type: 'deadline' }
  /** The application closes the mesh: say farewell, finish writes, answer commands. */
  | { readonly type: 'stop' }
