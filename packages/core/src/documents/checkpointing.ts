/** Deciding when a log is merged, and the writes that do it (rule DO18 of docs/specs/documents.md). */

import type { StorageWrite } from '../storage/storage.ts'
import { updateBytesTarget } from './document-limits.ts'
import { sumBytes, type DocumentState, type LogEntry } from './document-state.ts'
import {
  checkpointKey,
  documentStorageKey,
  encodeCheckpointHead,
  logKey,
} from './storage-layout.ts'
import { splitUpdate } from './yjs-split.ts'

/** Changes that a log holds before it is merged; one more for each KiB of the checkpoint. */
export const logChangesMax = 256

/** Bytes that a log holds before it is merged, or half of the checkpoint if that is more. */
export const logBytesMax = 256 * 1024

/** Newest changes left in the log though the checkpoint has them: for peers that are a bit behind. */
export const keptChangesMax = 64
export const keptBytesMax = 64 * 1024

/** Why a checkpoint may be due. */
export type CheckpointReason =
  /** The log grew. */
  | 'grown'
  /** Content of a checkpoint came in, which no log has. */
  | 'merged'
  /** The content before is gone: nothing of it stays. */
  | 'renewed'

/** The writes of a checkpoint when one is due, none otherwise. Moves the state's log on. */
export function planCheckpoint(
  state: DocumentState,
  nextOrdinal: number,
  reason: CheckpointReason,
): StorageWrite[] {
  if (reason === 'grown' && !isOutgrown(state)) return []
  const kept = reason === 'renewed' ? newestOnly(state.log, nextOrdinal) : newest(state.log)
  const dropped = state.log.filter((entry) => !kept.includes(entry))
  state.log = kept
  const deletes = dropped.map(({ ordinal }): StorageWrite => {
    return { type: 'delete', space: 'changes', key: logKey(state.document, ordinal) }
  })
  return [...checkpointWrites(state, nextOrdinal), ...deletes]
}

function isOutgrown(state: DocumentState): boolean {
  const bytes = state.log.reduce((sum, entry) => sum + entry.bytes, 0)
  return (
    state.log.length > logChangesMax + Math.floor(state.checkpointBytes / 1024) ||
    bytes > Math.max(logBytesMax, state.checkpointBytes / 2)
  )
}

function newest(log: readonly LogEntry[]): LogEntry[] {
  let bytes = 0
  let first = log.length
  while (first > 0 && log.length - first < keptChangesMax) {
    bytes += log[first - 1]!.bytes
    if (bytes > keptBytesMax) break
    first -= 1
  }
  return log.slice(first)
}

/** The change that renewed the document; none when that came as a checkpoint. */
function newestOnly(log: readonly LogEntry[], nextOrdinal: number): LogEntry[] {
  return log.filter((entry) => entry.ordinal === nextOrdinal - 1)
}

function checkpointWrites(state: DocumentState, nextOrdinal: number): StorageWrite[] {
  const { document, head } = state
  const updates = state.live ? splitUpdate(state.content.encodeState(), updateBytesTarget) : []
  state.checkpointBytes = sumBytes(updates)
  const value = encodeCheckpointHead({ head, nextOrdinal, updates })
  const puts = [value, ...updates].map((bytes, place): StorageWrite => {
    return { type: 'put', space: 'checkpoints', key: checkpointKey(document, place), value: bytes }
  })
  const prefix = documentStorageKey(document)
  return [{ type: 'delete-prefix', space: 'checkpoints', prefix }, ...puts]
}
