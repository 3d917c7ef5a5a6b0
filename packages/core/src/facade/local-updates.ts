/**
 * Local updates on their way to the engine: in batches, one at a time.
 *
 * While one batch is being made durable the next one gathers, so fast typing becomes few writes. A
 * batch that storage refused is sent again; one that the engine refused for what it is ends the
 * sending, because what follows would build on edits that nobody else will ever have.
 */

import { mergeUpdates } from 'yjs'
import type { ProblemCode } from '../engine/problem.ts'
import { MeshError } from './mesh-error.ts'

/** Bytes of one batch; a single larger update goes alone. */
const batchBytesMax = 64 * 1024
/** Updates of one batch, which take some 8 ms to merge: fast typing while the last one is stored. */
const batchUpdatesMax = 2048
/** Updates that Yjs merges at a time: its cost grows with their square (500 in 10 ms, 2,000 in 300). */
const mergedUpdatesMax = 16
const retryMsMin = 1_000
const retryMsMax = 30_000

/** What may be well when it is tried again. */
const passing: readonly ProblemCode[] = ['storage-failed', 'storage-quota', 'limit-reached']

export interface LocalUpdatesOptions {
  /** Resolves when durable; rejects with `MeshError`. */
  readonly send: (update: Uint8Array) => Promise<unknown>
  /** Told of each failure; `final` when nothing is sent any more. */
  readonly failed: (error: MeshError, final: boolean) => void
  /** Calls back once after a delay; returns what cancels it. Default: a timer of the host. */
  readonly startTimer?: (callback: () => void, delayMs: number) => () => void
}

/** See the file header. */
export class LocalUpdates {
  readonly #options: LocalUpdatesOptions
  #waiting: Uint8Array[] = []
  #state: 'idle' | 'gathering' | 'sending' | 'resting' | 'failed' = 'idle'
  #retryMs = retryMsMin
  #cancelRetry: () => void = () => {}
  #error: MeshError | undefined
  #savers: { readonly resolve: () => void; readonly reject: (error: MeshError) => void }[] = []

  constructor(options: LocalUpdatesOptions) {
    this.#options = options
  }

  /** Takes an update; it leaves with the others of the same task, or with the next batch. */
  push(update: Uint8Array): void {
    if (this.#state === 'failed') return
    this.#waiting.push(update)
    if (this.#state !== 'idle') return
    this.#state = 'gathering'
    queueMicrotask(() => void this.#send())
  }

  /** Resolves when all that was pushed is durable; rejects when it never will be. */
  async saved(): Promise<void> {
    if (this.#state === 'idle') return undefined
    if (this.#error) throw this.#error
    return new Promise((resolve, reject) => {
      this.#savers.push({ resolve, reject })
    })
  }

  /** Sends nothing more; whoever waits for `saved` is told the error. Idempotent. */
  stop(error: MeshError): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#error = error
    this.#waiting = []
    this.#cancelRetry()
    for (const { reject } of this.#savers.splice(0)) reject(error)
  }

  /** Sends batch after batch until none is waiting or one fails. */
  async #send(): Promise<void> {
    while (this.#state !== 'failed') {
      if (this.#waiting.length === 0) {
        this.#state = 'idle'
        for (const { resolve } of this.#savers.splice(0)) resolve()
        return
      }
      this.#state = 'sending'
      const batch = this.#takeBatch()
      const update = mergeInGroups(batch)
      try {
        await this.#options.send(update)
        this.#retryMs = retryMsMin
      } catch (error) {
        if (this.#state === 'sending') this.#sendingFailed(update, error)
        return
      }
    }
  }

  #sendingFailed(update: Uint8Array, cause: unknown): void {
    const error =
      cause instanceof MeshError ? cause : new MeshError('engine-failed', String(cause), { cause })
    const isPassing = passing.includes(error.code)
    this.#options.failed(error, !isPassing)
    if (!isPassing) {
      this.stop(error)
      return
    }
    this.#waiting.unshift(update)
    this.#state = 'resting'
    const startTimer = this.#options.startTimer ?? startHostTimer
    this.#cancelRetry = startTimer(() => void this.#send(), this.#retryMs)
    this.#retryMs = Math.min(2 * this.#retryMs, retryMsMax)
  }

  #takeBatch(): Uint8Array[] {
    let bytes = 0
    let count = 0
    for (const update of this.#waiting) {
      bytes += update.length
      if (count > 0 && (bytes > batchBytesMax || count === batchUpdatesMax)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }
}

/** One update of all, merged in groups, those again in groups, until one is left. */
function mergeInGroups(updates: readonly Uint8Array[]): Uint8Array {
  let merged = updates
  while (merged.length > 1) {
    const groups: Uint8Array[] = []
    for (let start = 0; start < merged.length; start += mergedUpdatesMax) {
      const group = merged.slice(start, start + mergedUpdatesMax)
      groups.push(group.length === 1 ? group[0]! : mergeUpdates(group))
    }
    merged = groups
  }
  return merged[0]!
}

function startHostTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}
