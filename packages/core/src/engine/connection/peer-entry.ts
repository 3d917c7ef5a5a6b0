/** What is going on with one peer: its connection, and the handshakes on the way to one. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Connection } from './connection.ts'
import type { InitiatorHandshake, ResponderHandshake } from './handshake.ts'
import { parkMsMax } from './parking.ts'
import type { Repetition } from './repetition.ts'
import type { InitiatorResumption } from './resumption-handshake.ts'
import type { Resumption } from './resumption.ts'

/** A handshake or a resumption that this end opened. */
export interface Opening {
  readonly attempt: InitiatorHandshake | InitiatorResumption
  readonly sinceMs: number
  readonly repetition: Repetition
  /**
   * Beside a connection with keys that has become silent: it has lost its point when the other end
   * is heard.
   */
  readonly isDoubt: boolean
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

/** All about one peer. */
export interface PeerEntry {
  readonly peer: PeerId
  connection: Connection | undefined
  /** How the connection goes on with other keys; there is one exactly when there is a connection. */
  resumption: Resumption | undefined
  opening: Opening | undefined
  /**
   * The opening of the handshake that this end makes until one completes, also while it waits for a
   * route or for the peer's: always the same, so that the peer knows one that comes late for what it is.
   */
  handshake: InitiatorHandshake | undefined
  answering: Answering | undefined
  /** This end wants a connection: it opens one when there is a route and none under way. */
  wanted: boolean
  /** Since when there is no route; undefined with one. */
  unreachableSinceMs: number | undefined
  /** Until when the peer is left alone, since it broke a rule. */
  pausedUntilMs: number
}

/** The next opening can be a resumption. */
export function mayResume({ connection, resumption }: PeerEntry): boolean {
  return connection?.isConfirmed === true && resumption?.mayOpen === true
}

/**
 * When this end is to open a handshake or a resumption; `Infinity` when something else comes first:
 * a route, the end of an opening or of an answered handshake.
 */
export function openingDueMs(entry: PeerEntry): number {
  const { connection, resumption, opening, answering, wanted, unreachableSinceMs } = entry
  if (!wanted || opening !== undefined || unreachableSinceMs !== undefined) {
    return Number.POSITIVE_INFINITY
  }
  if (connection?.isResting === false) return Number.POSITIVE_INFINITY
  if (answering !== undefined && !mayResume(entry)) return Number.POSITIVE_INFINITY
  return Math.max(entry.pausedUntilMs, resumption?.expectedUntilMs ?? Number.NEGATIVE_INFINITY)
}

/** When something is to be done about the peer; `Infinity` for never. */
export function entryDeadlineMs(entry: PeerEntry): number {
  const { connection, opening, answering, unreachableSinceMs } = entry
  let deadlineMs = openingDueMs(entry)
  if (connection !== undefined) deadlineMs = Math.min(deadlineMs, connection.nextDeadlineMs())
  else if (unreachableSinceMs !== undefined) deadlineMs = unreachableSinceMs + parkMsMax
  if (opening !== undefined) deadlineMs = Math.min(deadlineMs, opening.repetition.deadlineMs)
  if (answering !== undefined) deadlineMs = Math.min(deadlineMs, answering.expiresAtMs)
  return deadlineMs
}

/** Without a connection and without a route for too long: nobody waits any more. */
export function isForgotten(entry: PeerEntry, nowMs: number): boolean {
  const { connection, unreachableSinceMs } = entry
  if (connection !== undefined || unreachableSinceMs === undefined) return false
  return nowMs >= unreachableSinceMs + parkMsMax
}

/** The route to the peer is gone: an opening has to begin anew, a connection waits. */
export function loseRoute(entry: PeerEntry, nowMs: number): void {
  entry.unreachableSinceMs ??= nowMs
  entry.opening = undefined
  entry.connection?.peerUnreachable(nowMs)
}
