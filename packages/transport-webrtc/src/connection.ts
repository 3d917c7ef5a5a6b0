/**
 * One peer connection with one data channel, as the transport sees it: simple-peer makes it in
 * pages, werift in Node. Once open it is a pipe.
 */

import type { Pipe } from '@fieldmesh/core/transport-kit'
import type { PeerSignal } from './signal.ts'

/**
 * Our data channel is negotiated beforehand, with this id on both sides, beside the one that
 * simple-peer opens for itself: it exists from the start, and a page can hand it to a worker.
 */
export const dataChannelId = 42
/** Name and protocol of the data channel; for the eyes of whoever debugs. */
export const dataChannelLabel = 'fieldmesh'
export const dataChannelProtocol = 'fieldmesh.1'

/**
 * The goodbye, sent as a text after the last message and answered by another. The closing of a
 * data channel would say the same, but implementations differ in what they make of it and of the
 * connection's end right after: a message, where it arrives, is understood.
 */
export const farewellText = 'farewell'

/** Largest message, in bytes: the largest that every implementation takes. */
export const messageBytesMax = 64 * 1024

/** A STUN or TURN server. */
export interface IceServer {
  readonly urls: string | readonly string[]
  readonly username?: string
  readonly credential?: string
}

export interface ConnectionOptions {
  /** Whether this end makes the offer. */
  readonly initiator: boolean
  /** STUN and TURN servers; none are needed within a network. */
  readonly iceServers: readonly IceServer[]
}

/** What an open connection is known to be. */
export interface ConnectionFacts {
  readonly messageBytesMax: number
  readonly binding: Uint8Array
}

export interface ConnectionEvents {
  /** To be carried to the other end. */
  signal(signal: PeerSignal): void
  /** From now on the connection is a pipe; to be listened to at once. */
  opened(facts: ConnectionFacts): void
  /** The connection came to nothing before it was open. Nothing of it is left. */
  failed(error: Error): void
}

export interface Connection extends Pipe {
  /** Takes a signal of the other end. Never throws. */
  signal(signal: PeerSignal): void
}

/** Begins a connection. Events come later, from the event loop. */
export type Connector = (options: ConnectionOptions, events: ConnectionEvents) => Connection
