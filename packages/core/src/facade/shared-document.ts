/** The shared document: a live Y.Doc, with the awareness of those who have it open. */

import type { Doc } from 'yjs'
import type { Awareness } from './awareness.ts'

/** A free document held open. Close it when no editor needs it: an open one costs memory. */
export interface SharedDocument {
  readonly name: string
  /** Bind editors to it. Its client id is this replica's own, never used before. */
  readonly doc: Doc
  /** Cursors, names and other passing state of everybody who has the document open. */
  readonly awareness: Awareness
  /** Resolves once all that this peer had stored of the document is in `doc`. */
  readonly whenLoaded: Promise<void>
  /** Resolves once every local edit made until now is durable on this peer. */
  whenSaved(): Promise<void>
  /** Saves what is left, leaves the awareness, and destroys `doc`. Idempotent. */
  close(): Promise<void>
}
