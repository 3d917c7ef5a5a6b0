/**
 * The channel: one message pipe of one transport (layer 0).
 *
 * Everything above knows a transport only through this interface. A channel keeps message
 * boundaries, says in its traits what the pipe can do, and never hides a failed send.
 */

import type { PipeId } from './hand-over.ts'

/** What a pipe can do. Fixed for the life of a channel. */
export interface ChannelTraits {
  /** Largest message `send` accepts, in bytes: 20 on a worst-case GATT link, 65,535 and more on WebRTC. */
  readonly messageBytesMax: number
  /** Every accepted message arrives, or the channel closes. */
  readonly reliable: boolean
  /** Messages arrive in the order in which they were accepted. */
  readonly ordered: boolean
  /** The pipe itself encrypts and authenticates its bytes, to the ends named by `binding`. */
  readonly encrypted: boolean
  /**
   * What both ends know of this very pipe and nobody in between can bend (for WebRTC both DTLS
   * fingerprints, in an order both ends agree on). It enters the handshake's prologue.
   */
  readonly binding?: Uint8Array
  readonly cost: ChannelCost
}

/** What using the pipe costs its owner; the routing metric weighs it. */
export interface ChannelCost {
  readonly class: 'lan' | 'wan' | 'relay' | 'bluetooth'
  readonly metered: boolean
}

/** Why a channel closed. A closed union: transports map what they see onto it. */
export type ChannelCloseReason =
  /** This end called `close`. */
  | 'local'
  /** The other end closed in good order. */
  | 'remote'
  /** The pipe broke without a farewell. */
  | 'lost'
  /** The transport detected that the other end broke its protocol (an oversized message, a text frame). */
  | 'protocol'
  /** The transport is being stopped. */
  | 'transport-stopped'

/**
 * What became of a message handed to `send`.
 *
 * `accepted`: the channel owns the bytes now. `full`: nothing was taken, `drained` will follow.
 * `too-large`: longer than `messageBytesMax`, nothing was taken. `closed`: nothing was taken.
 */
export type SendResult = 'accepted' | 'full' | 'too-large' | 'closed'

/** Where a channel delivers. Called from the host's event loop, never from inside `send` or `close`. */
export interface ChannelHandlers {
  /** One whole message. The receiver owns the bytes. Never called after `closed`. */
  received(bytes: Uint8Array): void
  /** `bufferedBytes` fell to the channel's low mark after a `send` was answered with `full`. */
  drained(): void
  /** Exactly once, as the last call, whichever end closed. */
  closed(reason: ChannelCloseReason): void
}

/** One open message pipe. */
export interface Channel {
  readonly traits: ChannelTraits
  /** Names the pipe when it was handed over: then the host takes it from there, and sends there. */
  readonly handedOver?: PipeId
  /** Bytes accepted and not yet handed to the network. Bounded by the transport. */
  readonly bufferedBytes: number
  /**
   * Takes the handlers; called exactly once. Messages that arrived earlier are delivered first, in
   * order; the transport keeps at most 64 KiB or one message of them, and closes the channel beyond.
   */
  attach(handlers: ChannelHandlers): void
  /**
   * Queues one message of 1 to `messageBytesMax` bytes; an empty one is the caller's mistake and
   * throws a RangeError. The caller must not change the bytes afterwards.
   */
  send(bytes: Uint8Array): SendResult
  /** Closes; accepted messages are still sent where the pipe allows it. Idempotent. */
  close(): void
}
