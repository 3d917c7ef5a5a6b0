/**
 * Remote updates on their way into a Y.Doc: a few at a time, so that no task is long.
 *
 * One update cannot be interrupted (64 KiB of it take some 11 ms), so a task takes updates until
 * `sliceMsMax` is over or 64 KiB are applied, all in one transaction, and leaves the rest to the
 * next one. What was applied is acknowledged: it is the engine's credit for sending more.
 */

import { applyUpdate, transact, type Doc } from 'yjs'
import type { TaskQueue } from '../driver/task-queue.ts'

const sliceMsMax = 8
const sliceBytesMax = 64 * 1024

export interface RemoteUpdatesOptions {
  readonly doc: Doc
  /** Origin of the transactions. */
  readonly origin: unknown
  readonly tasks: TaskQueue
  readonly nowMs: () => number
  readonly acknowledge: (bytes: number) => void
  /** All that was stored when the document was opened has been applied. Told once. */
  readonly loaded: () => void
}

/** See the file header. */
export class RemoteUpdates {
  readonly #options: RemoteUpdatesOptions
  #waiting: Uint8Array[] = []
  #isTaskPosted = false
  /** `coming`: no more is to come before it is loaded, what is waiting is to be applied. */
  #load: 'under way' | 'coming' | 'done' = 'under way'
  #isStopped = false

  constructor(options: RemoteUpdatesOptions) {
    this.#options = options
  }

  push(updates: readonly Uint8Array[], loaded: boolean): void {
    if (this.#isStopped) return
    this.#waiting.push(...updates)
    if (loaded && this.#load === 'under way') this.#load = 'coming'
    this.#postTask()
  }

  /** Applies nothing more. */
  stop(): void {
    this.#isStopped = true
    this.#waiting = []
  }

  #postTask(): void {
    if (this.#isTaskPosted) return
    this.#isTaskPosted = true
    this.#options.tasks.post(() => {
      this.#isTaskPosted = false
      if (!this.#isStopped) this.#applySlice()
    })
  }

  #applySlice(): void {
    const { doc, origin, nowMs, acknowledge } = this.#options
    const endMs = nowMs() + sliceMsMax
    let bytes = 0
    let count = 0
    try {
      transact(
        doc,
        () => {
          for (const update of this.#waiting) {
            const isEnough = bytes + update.length > sliceBytesMax || nowMs() >= endMs
            if (count > 0 && isEnough) break
            bytes += update.length
            count += 1
            applyUpdate(doc, update, origin)
          }
        },
        origin,
        false,
      )
    } finally {
      // Also when an observer of the application threw: the host reports that, the rest goes on.
      this.#waiting.splice(0, count)
      if (bytes > 0) acknowledge(bytes)
      this.#goOn()
    }
  }

  #goOn(): void {
    if (this.#waiting.length > 0) {
      this.#postTask()
      return
    }
    if (this.#load !== 'coming') return
    this.#load = 'done'
    this.#options.loaded()
  }
}
