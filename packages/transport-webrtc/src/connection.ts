/**
 * One peer connection with one data channel, as the transport sees it: simple-peer makes it in
 * pages, werift in Node. Once open it has a pipe, here or handed over to the engine's thread.
 */

import type { HandedOverPipe, HandOver } from '@fieldmesh/core/transport'
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
  /**
   * Whether the other end is told everything at once, and may take long to answer: then `gathered` is
   * told, and a path that is not found yet is no failure. A candidate that is signalled again lets the
   * connection look for a path again. Absent for an end that answers at once.
   */
  readonly isPatient?: boolean
  /** Moves the data channel to the engine's thread, where it can; absent where it is to stay. */
  readonly handOver?: HandOver
}

/** What an open connection is known to be. */
export interface ConnectionFacts {
  readonly messageBytesMax: number
  readonly binding: Uint8Array
  readonly pipe: ConnectionPipe
}

/** Where the data channel is. */
export type ConnectionPipe =
  /** To be listened to at once. */
  | { readonly at: 'transport'; readonly pipe: Pipe }
  | { readonly at: 'engine'; readonly pipe: HandedOverPipe }

export interface ConnectionEvents {
  /** To be carried to the other end. */
  signal(signal: PeerSignal): void
  /** Every candidate of this end has been signalled. Not told by every connector. */
  gathered?(): void
  /** From now on the connection has a pipe. */
  opened(facts: ConnectionFacts): void
  /** The connection came to nothing before it was open. Nothing of it is left. */
  failed(error: Error): void
}

export interface Connection {
  /** Takes a signal of the other end. Never throws. */
  signal(signal: PeerSignal): void
  /** Ends what has not opened yet, without a word. */
  destroy(): void
}

/** Begins a connection. Events come later, from the event loop. */
export type Connector = (options: ConnectionOptions, events: ConnectionEvents) => Connection
