/** Storage operations under way, and what is done with their answers. */

import { assert } from '../engine/assert.ts'
import type { StorageAnswer, StorageRequestId } from '../engine/input.ts'
import type { StorageRead, StorageReadResult, StorageWrite } from '../storage/storage.ts'
import type { ReplicaOutputs } from './replica-outputs.ts'

/** A storage operation that failed. */
export type StorageFault = StorageAnswer & { readonly type: 'failed' }

/** Called once, with the results or the fault. */
export type ReadHandler = (
  results: readonly StorageReadResult[] | undefined,
  fault: StorageFault | undefined,
  nowMs: number,
) => void

export type WriteHandler = (fault: StorageFault | undefined, nowMs: number) => void

/** Numbers requests and keeps a handler for each that is not answered yet. */
export class StorageRequests {
  readonly #outputs: ReplicaOutputs
  readonly #reads = new Map<StorageRequestId, ReadHandler>()
  readonly #writes = new Map<StorageRequestId, WriteHandler>()
  #last = 0

  constructor(outputs: ReplicaOutputs) {
    this.#outputs = outputs
  }

  /** Requests that have not been answered. */
  get pending(): number {
    return this.#reads.size + this.#writes.size
  }

  read(reads: readonly StorageRead[], handler: ReadHandler): void {
    const request = (this.#last += 1)
    this.#reads.set(request, handler)
    this.#outputs.push({ type: 'storage-read', request, reads })
  }

  write(writes: readonly StorageWrite[], handler: WriteHandler): void {
    const request = (this.#last += 1)
    this.#writes.set(request, handler)
    this.#outputs.push({ type: 'storage-write', request, writes })
  }

  answered(request: StorageRequestId, answer: StorageAnswer, nowMs: number): void {
    const read = this.#reads.get(request)
    const write = this.#writes.get(request)
    assert(read !== undefined || write !== undefined, 'storage answers what was asked, once')
    this.#reads.delete(request)
    this.#writes.delete(request)
    const fault = answer.type === 'failed' ? answer : undefined
    read?.(answer.type === 'read' ? answer.results : undefined, fault, nowMs)
    write?.(fault, nowMs)
  }
}
