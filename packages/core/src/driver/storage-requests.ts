/** Storage requests of an engine: carries each out, and makes an input of what became of it. */

import type { Input, StorageAnswer, StorageRequestId } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import type { Problem } from '../engine/problem.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { Storage } from '../storage/storage.ts'
import { storageFailureOf, storageProblemOf } from './storage-problem.ts'

export interface StorageRequestsOptions {
  readonly storage: Storage
  readonly instruments: Recorder['driver']
  readonly nowMs: () => number
  /** Told of each answer, in a task of its own. */
  readonly answered: (input: Input) => void
  /** Another engine has the store now; nothing that this one decides could be kept. */
  readonly fenced: (problem: Problem) => void
}

/** See the file header. */
export class StorageRequests {
  readonly #options: StorageRequestsOptions
  #isEnded = false

  constructor(options: StorageRequestsOptions) {
    this.#options = options
  }

  /** Nobody waits for answers any more, and what fails from now on is no news. */
  end(): void {
    this.#isEnded = true
  }

  async read({ request, reads }: Extract<Output, { type: 'storage-read' }>): Promise<void> {
    const { storage, instruments } = this.#options
    instruments.storageReads.add()
    try {
      const results = await storage.read(reads)
      this.#answer(request, { type: 'read', results })
    } catch (error) {
      this.#failed(request, error)
    }
  }

  async write({ request, writes }: Extract<Output, { type: 'storage-write' }>): Promise<void> {
    const { storage, instruments, nowMs } = this.#options
    instruments.storageWrites.add()
    const startMs = nowMs()
    try {
      await storage.write(writes)
      instruments.storageWriteMs.observe(nowMs() - startMs)
      this.#answer(request, { type: 'written' })
    } catch (error) {
      this.#failed(request, error)
    }
  }

  #failed(request: StorageRequestId, error: unknown): void {
    if (this.#isEnded) return
    const { instruments, fenced } = this.#options
    const failure = storageFailureOf(error)
    const { reason, message } = failure
    instruments.storageFailed.record(request, reason)
    if (reason === 'fenced') fenced(storageProblemOf(failure))
    else this.#answer(request, { type: 'failed', reason, message })
  }

  #answer(request: StorageRequestId, answer: StorageAnswer): void {
    if (!this.#isEnded) this.#options.answered({ type: 'storage-answered', request, answer })
  }
}
