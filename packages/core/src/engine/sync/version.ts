/**
 * The version of a document: which changes it holds, for each writer.
 *
 * A writer is one boot of one peer. A writer's changes to a document form a chain: each names the
 * one before it, and a document takes them in that order only; so the last sequence number says
 * which changes are held, and the running digest says that they are the same ones everywhere.
 */

import type { PeerId } from '../identity/peer-id.ts'

/** One boot of one peer. Sequence numbers, from 1, count the changes of a writer over all documents. */
export interface Writer {
  readonly peer: PeerId
  readonly epoch: number
}

/** How far a document has followed one writer. */
export interface VersionEntry extends Writer {
  /** Sequence number of the writer's last change that is held. */
  readonly seq: number
  /** Sum (see digest.ts) of the hashes of the writer's changes that are held, 16 bytes. */
  readonly digest: Uint8Array
}

/** Sorted by peer, then epoch; each writer once. */
export type Version = readonly VersionEntry[]
