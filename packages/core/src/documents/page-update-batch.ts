/** Gathering the updates of one live document for a moment, so that keystrokes share a change. */

import type { CommandId } from '../engine/input.ts'
import { documentBytesMax, updateBytesTarget } from './document-limits.ts'
import { sumBytes } from './document-state.ts'
import type { DocumentsPort } from './documents-port.ts'
import { splitUpdate } from './yjs-split.ts'
import { checkUpdate } from './yjs-update.ts'

/**
 * Least time between two batches of a document: under what a person notices. The first edit after a
 * pause does not wait; what follows it at once shares the next change.
 */
export const batchMs = 20

/** Bytes at which a batch does not wait any longer. */
export const batchBytesMax = 256 * 1024

/** See the file header. */
export class PageUpdateBatch {
  readonly deadlineMs: number
  readonly #updates: Uint8Array[] = []
  readonly #commands: CommandId[] = []

  constructor(deadlineMs: number) {
    this.deadlineMs = deadlineMs
  }

  get commands(): readonly CommandId[] {
    return this.#commands
  }

  /** It is not worth waiting for more. */
  get full(): boolean {
    return sumBytes(this.#updates) >= batchBytesMax
  }

  add(command: CommandId, update: Uint8Array): void {
    this.#commands.push(command)
    this.#updates.push(update)
  }

  /**
   * The updates as one change has them: merged, then cut. `undefined` when a single item of theirs
   * is too large.
   */
  cut(port: DocumentsPort): readonly Uint8Array[] | undefined {
    const merged = this.#updates.length > 1 ? port.mergeUpdates(this.#updates) : undefined
    // Merging is for size only; should Yjs make something odd of them, they go as they are.
    const sound = merged !== undefined && checkUpdate(merged, documentBytesMax)
    const updates = sound ? [merged] : this.#updates
    const parts = updates.flatMap((update) => splitUpdate(update, updateBytesTarget))
    return parts.every((part) => part.length <= updateBytesTarget) ? parts : undefined
  }
}
