/**
 * The change: the unit of log and wire. One local transaction, of one writer, made durable at once.
 */

import type { Writer } from './version.ts'

/** Names a document. Collection '' holds the free documents of `mesh.document()`. */
export interface DocumentKey {
  readonly collection: string
  readonly id: string
}

/** What a change does to one document. */
export interface ChangePart {
  readonly document: DocumentKey
  /** Sequence number of the same writer's previous change to this document; 0 for its first. */
  readonly previous: number
  /** Incarnation of the document that the part belongs to; an insert after a delete begins a new one. */
  readonly incarnation: number
  readonly content: ChangeContent
}

export type ChangeContent =
  /** Yjs updates (v1 encoding), each of at most 64 KiB, in causal order. */
  | { readonly type: 'update'; readonly updates: readonly Uint8Array[] }
  /** The incarnation is deleted: its content expires, updates to it are of no effect. */
  | { readonly type: 'delete' }

/** All parts of one transaction. A peer may hold a change without the parts it did not ask for. */
export interface Change extends Writer {
  /** Counts the writer's changes from 1. */
  readonly seq: number
  readonly parts: readonly ChangePart[]
}
