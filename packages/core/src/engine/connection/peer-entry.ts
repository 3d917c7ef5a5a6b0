/** What is going on with one peer: its connection, and the handshakes on the way to one. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Connection } from './connection.ts'
import type { InitiatorHandshake, ResponderHandshake } from './handshake.ts'
import { parkMsMax } from './parking.ts'

/** A handshake that this end opened. */
export interface Opening {
  handshake: InitiatorHandshake
  readonly sinceMs: number
  /** Pause before the repetition after the next. */
  repeatMs: number
  /** When the opening is repeated. */
  deadlineMs: number
  /** An answer could not be used: the next opening is a new one. */
  spoilt: boolean
  /** The application has been told that something is wrong with it. */
  reported: boolean
  /** The mesh did not take it. */
  unsent: boolean
}

/** A handshake that the other end opened, and this end answered. */
export interface Answering {
  readonly handshake: ResponderHandshake
  /** To know repetitions by. */
  readonly openMessage: Uint8Array
  readonly expiresAtMs: number
}

/** All about one peer. Opening and answering exclude each other. */
export interface PeerEntry {
  readonly peer: PeerId
  connection: Connection | undefined
  opening: Opening | undefined
  answering: Answering | undefined
  /** This end wants a connection: it opens one when there is a route and none under way. */
  wanted: boolean
  /** Since when there is no route; undefined with one. */
  unreachableSinceMs: number | undefined
}

/** When something is to be done about the peer; `Infinity` for never. */
export function entryDeadlineMs(entry: PeerEntry): number {
  const { connection, opening, answering, unreachableSinceMs } = entry
  let deadlineMs = Number.POSITIVE_INFINITY
  if (connection !== undefined) deadlineMs = connection.nextDeadlineMs()
  else if (unreachableSinceMs !== undefined) deadlineMs = unreachableSinceMs + parkMsMax
  if (opening !== undefined) deadlineMs = Math.min(deadlineMs, opening.deadlineMs)
  if (answering !== undefined) deadlineMs = Math.min(deadlineMs, answering.expiresAtMs)
  return deadlineMs
}

/** Without a connection and without a route for too long: nobody waits any more. */
export function isForgotten(entry: PeerEntry, nowMs: number): boolean {
  const { connection, unreachableSinceMs } = entry
  if (connection !== undefined || unreachableSinceMs === undefined) return false
  return nowMs - unreachableSinceMs >= parkMsMax
}

/** The route to the peer is gone: an opening has to begin anew, a connection waits. */
export function loseRoute(entry: PeerEntry, nowMs: number): void {
  entry.unreachableSinceMs ??= nowMs
  entry.opening = undefined
  entry.connection?.peerUnreachable(nowMs)
}
