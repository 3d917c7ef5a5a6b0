/**
 * The documents port: the merging data type behind the replica. One implementation, over Yjs, made
 * by one factory; simulation hands it seeded randomness.
 */

import type { Edit } from './edit.ts'
import type { JsonObject } from './query.ts'

/** Makes open documents. Client ids are handed in: fresh for each boot and each live replica. */
export interface DocumentsPort {
  /** An empty document whose local edits carry `clientId` (1 to 2^32 - 1). */
  create(clientId: number): OpenDocument
}

/** A document held open in memory. */
export interface OpenDocument {
  /** Merges updates that passed `checkUpdate`, in order. */
  applyUpdates(updates: readonly Uint8Array[]): void
  /** Sets the given fields, nested objects merged; returns the update that says so, if any. */
  upsert(fields: JsonObject): Uint8Array | undefined
  /** Applies recorded edits; returns the update that says so, if any. */
  edit(edits: readonly Edit[]): Uint8Array | undefined
  /** The fields as JSON, as the application sees them. */
  toJson(): JsonObject
  /** The whole state as one update. */
  encodeState(): Uint8Array
  destroy(): void
}
