/** The head: what a store keeps of a document beside its content, and what reconciliation compares. */

import type { Version } from '../engine/sync/version.ts'

export interface DocumentHead {
  /** The incarnation that the row and the content belong to; 0 when there is none yet. */
  readonly incarnation: number
  /** That incarnation was deleted. The head stays as the marker. */
  readonly deleted: boolean
  readonly version: Version
  /** Sum of the version's digests: equal for equal sets of changes, 16 bytes. */
  readonly digest: Uint8Array
}
