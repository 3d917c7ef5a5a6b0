/** Work on documents: waits until they are loaded, then runs in one go. */

import type { SubscriberId } from '../engine/command.ts'
import type { Problem } from '../engine/problem.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import type { StorageWrite } from '../storage/storage.ts'
import type { DocumentState } from './document-state.ts'
import type { Row } from './query.ts'

/** A row that was written, or deleted. */
export interface RowCommit {
  readonly collection: string
  readonly id: string
  readonly row: Row | undefined
}

/** Content that was added to a document. */
export interface ContentCommit {
  readonly document: DocumentKey
  readonly updates: readonly Uint8Array[]
}

/**
 * What running a job worked out. Nothing of it is seen by anybody before storage has made the
 * writes durable, all or none; then `settle` is called.
 */
export interface Effects {
  readonly writes: readonly StorageWrite[]
  /** What is added to the root digest. */
  readonly digest: Uint8Array
  /** States that run ahead of storage by these effects. */
  readonly states: readonly DocumentState[]
  /** The change of this peer, if one was made. */
  readonly change?: Change
  readonly rows: readonly RowCommit[]
  readonly contents: readonly ContentCommit[]
  /** The live document that the contents came from, and that need not be told of them. */
  readonly origin?: SubscriberId
}

/** Local work goes before changes of others; within a lane work runs in order. */
export type Lane = 'local' | 'remote'

export interface Job {
  readonly lane: Lane
  /** Each once. */
  readonly documents: readonly DocumentKey[]
  /** Storage failed a batch that this was part of: the next batch is this job alone. */
  alone?: boolean
  /** States of `documents`, in their order. May run again when storage failed. */
  run(states: readonly DocumentState[], nowMs: number): Effects
  /** The effects of the last run are durable. */
  settle(nowMs: number): void
  /** Storage failed; nothing of it was kept. */
  fail(problem: Problem): void
}
