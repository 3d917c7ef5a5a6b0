/**
 * The reconciler: finds out in which documents two neighbours differ, and nothing else. Versions and
 * changes are then fetched by each side for itself.
 *
 * One instance compares with one neighbour. Of the two ends one drives; the other only answers.
 */

import type { ListedHead } from './replica-port.ts'
import type { ComparisonMessage } from './sync-message.ts'

export type ReconcilerOutput =
  | { readonly type: 'send'; readonly message: ComparisonMessage }
  /** The neighbour's heads that differ from what is held here, with their digests. */
  | { readonly type: 'differs'; readonly heads: readonly ListedHead[] }
  /** The driving side has seen everything. */
  | { readonly type: 'finished' }

export interface Reconciler {
  /** Begins to compare, as the side that drives; what was under way is forgotten. */
  start(nowMs: number): void
  /** False, and nothing happens, when the message fits nothing that is under way. */
  messageReceived(message: ComparisonMessage, nowMs: number): boolean
  /** There is room for more differing documents; it stops after each message until told so. */
  proceed(nowMs: number): void
  poll(): ReconcilerOutput | undefined
  /** The neighbour is gone: answers of the replica that still come are ignored. */
  close(): void
}
