/** Commands: what the application asks of the engine, and what it is answered. Plain data. */

import type { Edit } from '../documents/edit.ts'
import type { JsonValue, Query, Row } from '../documents/query.ts'
import type { StreamHandle } from './connection/stream-port.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { MeetingId } from './input.ts'
import type { LifecycleChange, LifecycleReason, LifecycleTransition } from './lifecycle-change.ts'
import type { Priority } from './link/link-port.ts'
import type { LinkAccount } from './mesh/link-plan/link-account.ts'
import type { PresenceGraph } from './mesh/presence-graph.ts'
import type { Problem } from './problem.ts'
import type { DocumentKey } from './sync/change.ts'

/** One operation of a transaction. */
export type WriteOperation =
  /** Refused with `document-exists` when the document exists. */
  | {
      readonly type: 'insert'
      readonly collection: string
      readonly row: { readonly _id: string; readonly [key: string]: JsonValue }
    }
  /** Inserts, or sets the given fields (nested objects are merged) of what exists. */
  | {
      readonly type: 'upsert'
      readonly collection: string
      readonly row: { readonly _id: string; readonly [key: string]: JsonValue }
    }
  /**
   * Applies edits that were recorded against revision `revision` (see `ReadRow`); refused with
   * `document-changed` when an array index of theirs may mean something else by now.
   */
  | {
      readonly type: 'update'
      readonly collection: string
      readonly id: string
      readonly revision: string
      readonly edits: readonly Edit[]
    }
  /** Deletes; refused with `document-missing` when there is nothing to delete. */
  | { readonly type: 'delete'; readonly collection: string; readonly id: string }

/** Names a write: `<peer>-<epoch>-<seq>` of its change. */
export type WriteId = string

/** A row and the revision that an update of it names. */
export interface ReadRow {
  readonly row: Row
  readonly revision: string
}

/** Which peers are known to hold a write durably. This peer holds every write it acknowledged. */
export interface SyncStatus {
  readonly write: WriteId
  readonly heldBy: readonly PeerId[]
}

/** Names an observer or a live document of one facade; chosen by the driver, unique in an engine. */
export type SubscriberId = number

export type Command =
  | { readonly type: 'write'; readonly operations: readonly WriteOperation[] }
  | { readonly type: 'get'; readonly collection: string; readonly id: string }
  | { readonly type: 'find'; readonly query: Query }
  /** Answered with the rows of now; then `rows-changed` events follow. */
  | { readonly type: 'observe'; readonly subscriber: SubscriberId; readonly query: Query }
  | { readonly type: 'unobserve'; readonly subscriber: SubscriberId }
  /** Answered with the client id for the application's live replica; its content follows as events. */
  | {
      readonly type: 'open-document'
      readonly subscriber: SubscriberId
      readonly document: DocumentKey
    }
  /** A Yjs update that the application's live replica made. Answered when durable. */
  | {
      readonly type: 'update-document'
      readonly subscriber: SubscriberId
      readonly update: Uint8Array
    }
  /** The application has applied that many bytes of `document-updated` events: credit for more. */
  | {
      readonly type: 'acknowledge-document'
      readonly subscriber: SubscriberId
      readonly bytes: number
    }
  | { readonly type: 'close-document'; readonly subscriber: SubscriberId }
  /** The application's own awareness state (JSON text), or null to leave. */
  | {
      readonly type: 'set-awareness'
      readonly subscriber: SubscriberId
      readonly state: string | null
    }
  | { readonly type: 'sync-status'; readonly write: WriteId }
  | { readonly type: 'presence' }
  /** The tag of this peer's app under that salt (HS4). */
  | { readonly type: 'app-tag'; readonly salt: Uint8Array }
  /** What happened to the page or the network, as the host tells it. */
  | {
      readonly type: 'tell-lifecycle'
      readonly transition: Exclude<LifecycleTransition, 'woke'>
      readonly reason: LifecycleReason
    }
  /** Where each peer and address stands that a link may lead to, and why. */
  | { readonly type: 'links' }
  /**
   * Opens a stream of bytes to the peer. Answered when it is open; waits for a connection and for
   * the peer's allowance. After `patienceMs` it fails: with `peer-unreachable` when no connection
   * stands, with `limit-reached` when the peer allows no more streams.
   */
  | {
      readonly type: 'open-stream'
      readonly peer: PeerId
      readonly protocol: string
      readonly priority: Priority
      readonly patienceMs: number
    }
  /** From now on streams of that protocol are told of as `stream-opened`; others are refused. */
  | { readonly type: 'accept-streams'; readonly protocol: string }
  | { readonly type: 'refuse-streams'; readonly protocol: string }

/** The answer to each command, by its type. */
export interface CommandResults {
  readonly write: { readonly write: WriteId }
  readonly get: ReadRow | undefined
  readonly find: readonly Row[]
  readonly observe: readonly Row[]
  readonly unobserve: undefined
  readonly 'open-document': { readonly clientId: number }
  readonly 'update-document': { readonly write: WriteId | undefined }
  readonly 'acknowledge-document': undefined
  readonly 'close-document': undefined
  readonly 'set-awareness': undefined
  readonly 'sync-status': SyncStatus
  readonly presence: PresenceGraph
  readonly 'app-tag': Uint8Array
  readonly 'tell-lifecycle': undefined
  readonly links: readonly LinkAccount[]
  readonly 'open-stream': { readonly stream: StreamHandle }
  readonly 'accept-streams': undefined
  readonly 'refuse-streams': undefined
}

/** Who was met, or why the two did not become neighbours. */
export type MeetingOutcome =
  { readonly ok: true; readonly peer: PeerId } | { readonly ok: false; readonly problem: Problem }

export type CommandAnswer =
  | { readonly ok: true; readonly value: CommandResults[Command['type']] }
  | { readonly ok: false; readonly problem: Problem }

/** How a live query's result changed; indexes are those of the moment of each entry, in order. */
export type RowChange =
  | { readonly type: 'added'; readonly index: number; readonly row: Row }
  | {
      readonly type: 'changed'
      readonly from: number
      readonly index: number
      readonly row: Row
    }
  | { readonly type: 'removed'; readonly index: number; readonly id: string }

/** One awareness state of somebody else, as JSON text; null when it left. */
export interface AwarenessChange {
  readonly clientId: number
  readonly peer: PeerId
  readonly clock: number
  readonly state: string | null
}

/** What the engine tells the application unasked. */
export type MeshEvent =
  | {
      readonly type: 'rows-changed'
      readonly subscriber: SubscriberId
      readonly changes: readonly RowChange[]
    }
  /**
   * Updates of at most 64 KiB each, in causal order; `loaded` is true once all that was stored when
   * the document was opened has been sent.
   */
  | {
      readonly type: 'document-updated'
      readonly subscriber: SubscriberId
      readonly updates: readonly Uint8Array[]
      readonly loaded: boolean
    }
  | {
      readonly type: 'awareness-changed'
      readonly subscriber: SubscriberId
      readonly changes: readonly AwarenessChange[]
    }
  | { readonly type: 'presence-changed'; readonly graph: PresenceGraph }
  | { readonly type: 'lifecycle-changed'; readonly change: LifecycleChange }
  /** Once for each channel that came of a meeting. */
  | {
      readonly type: 'meeting-ended'
      readonly meeting: MeetingId
      readonly outcome: MeetingOutcome
    }
  /** Something a person should know: a peer with the wrong secret, a failing store. */
  | { readonly type: 'problem'; readonly problem: Problem; readonly peer?: PeerId }
