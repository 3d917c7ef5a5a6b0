/**
 * The documents port: the merging data type behind the replica. One implementation, over Yjs, made
 * by one factory; simulation hands it seeded randomness.
 */

import type { Problem } from '../engine/problem.ts'
import type { Edit } from './edit.ts'
import type { JsonObject } from './query.ts'

/** Makes open documents. Client ids are handed in: fresh for each boot and each live replica. */
export interface DocumentsPort {
  /** An empty document whose local edits carry `clientId` (1 to 2^32 - 1). */
  create(clientId: number): OpenDocument
  /** One update that says what all of these say; `undefined` when they contradict each other. */
  mergeUpdates(updates: readonly Uint8Array[]): Uint8Array | undefined
}

/** What became of edits: the update that says so, if any, or why they do not fit the document. */
export type EditOutcome =
  | { readonly type: 'edited'; readonly update: Uint8Array | undefined }
  /** Some of the edits may be in the document: it has to be made anew. */
  | { readonly type: 'refused'; readonly problem: Problem }

/** A document held open in memory. */
export interface OpenDocument {
  /**
   * Merges updates that passed `checkUpdate`, in order. False when they contradict each other so
   * that they cannot be merged; the document is of no use then and has to be made anew.
   */
  applyUpdates(updates: readonly Uint8Array[]): boolean
  /** Sets the given fields, nested objects merged; returns the update that says so, if any. */
  upsert(fields: JsonObject): Uint8Array | undefined
  /** Applies recorded edits; refused with `document-changed` when one finds no place. */
  edit(edits: readonly Edit[]): EditOutcome
  /** The fields as JSON, as the application sees them; keys in order of code units. */
  toJson(): JsonObject
  /** The whole state as one update. */
  encodeState(): Uint8Array
  destroy(): void
}
