/**
 * A disk in a simulated world: the ordered store of one peer, outliving its crashes.
 *
 * It knows what it holds, how slow it is and whether it fails; disk-access.ts decides when it
 * answers. A batch is atomic in every case.
 */

import { OrderedEntries } from '../../../storage/ordered-entries.ts'
import {
  storageSpaces,
  type StorageFailureReason,
  type StorageRead,
  type StorageReadResult,
  type StorageSpace,
  type StorageWrite,
} from '../../../storage/storage.ts'

/** How a disk fails while it does. */
export interface DiskFailure {
  readonly reason: StorageFailureReason
  /** A batch is kept although it is reported as failed, as when the answer is what got lost. */
  readonly keeps: boolean
}

/** The content of a store, and nothing about when it answers. */
export class SimulatedDisk {
  readonly #spaces: Readonly<Record<StorageSpace, OrderedEntries>>
  #epoch = 0
  /** Set while every operation fails. */
  failure: DiskFailure | undefined
  /** It has kept a batch that it reported as failed. */
  hasMisled = false
  /** Times as long as usual that operations take. */
  slowness = 1

  constructor() {
    const spaces = storageSpaces.map((space) => [space, new OrderedEntries()])
    this.#spaces = Object.fromEntries(spaces) as Record<StorageSpace, OrderedEntries>
  }

  /** Of the last boot; 0 before the first. */
  get epoch(): number {
    return this.#epoch
  }

  /** Opens the store for a new boot and returns its epoch. */
  open(): number {
    this.#epoch += 1
    return this.#epoch
  }

  read(reads: readonly StorageRead[]): readonly StorageReadResult[] {
    return reads.map((read) => {
      const entries = this.#spaces[read.space]
      if (read.type === 'list') return entries.list(read.prefix, read.after, read.limit)
      const entry = entries.get(read.key)
      return entry === undefined ? [] : [entry]
    })
  }

  /** Bytes of all values in a space. */
  sizeBytes(space: StorageSpace): number {
    const entries = this.#spaces[space].list([], undefined, Number.MAX_SAFE_INTEGER)
    return entries.reduce((total, { value }) => total + value.length, 0)
  }

  write(writes: readonly StorageWrite[]): void {
    for (const write of writes) {
      const entries = this.#spaces[write.space]
      if (write.type === 'put') entries.put({ key: write.key, value: write.value })
      else if (write.type === 'delete') entries.delete(write.key)
      else entries.deletePrefix(write.prefix)
    }
  }
}
