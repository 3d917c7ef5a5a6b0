/**
 * A disk in a simulated world: the ordered store of one peer, outliving its crashes.
 *
 * It answers late; what it has not answered when its peer crashes is lost or kept, by the seed, as
 * on a real disk; it fails when it is told to. A batch is atomic in every case.
 */

import { compareKeys } from '../../storage/key-order.ts'
import {
  storageSpaces,
  type StorageEntry,
  type StorageFailureReason,
  type StorageKey,
  type StorageRead,
  type StorageReadResult,
  type StorageSpace,
  type StorageWrite,
} from '../../storage/storage.ts'

/** The content of a store, and nothing about when it answers. */
export class SimulatedDisk {
  readonly #spaces = new Map<StorageSpace, StorageEntry[]>(storageSpaces.map((name) => [name, []]))
  #epoch = 0
  #failure: StorageFailureReason | undefined

  /** Opens the store for a new boot and returns its epoch. */
  open(): number {
    this.#epoch += 1
    return this.#epoch
  }

  /** From now on every operation fails for that reason; `undefined` ends it. */
  failWith(reason: StorageFailureReason | undefined): void {
    this.#failure = reason
  }

  get failure(): StorageFailureReason | undefined {
    return this.#failure
  }

  read(reads: readonly StorageRead[]): readonly StorageReadResult[] {
    return reads.map((read) => {
      const entries = this.#entries(read.space)
      if (read.type === 'get') {
        const at = lowerBound(entries, read.key)
        const entry = entries[at]
        return entry !== undefined && compareKeys(entry.key, read.key) === 0 ? [entry] : []
      }
      let at = lowerBound(entries, read.after ?? read.prefix)
      const first = entries[at]
      if (read.after !== undefined && first && compareKeys(first.key, read.after) === 0) at += 1
      const found: StorageEntry[] = []
      for (; at < entries.length && found.length < read.limit; at += 1) {
        const entry = entries[at]!
        if (!hasPrefix(entry.key, read.prefix)) break
        found.push(entry)
      }
      return found
    })
  }

  write(writes: readonly StorageWrite[]): void {
    for (const write of writes) {
      const entries = this.#entries(write.space)
      if (write.type === 'delete-prefix') {
        const kept = entries.filter((entry) => !hasPrefix(entry.key, write.prefix))
        this.#spaces.set(write.space, kept)
        continue
      }
      const at = lowerBound(entries, write.key)
      const present = entries[at] !== undefined && compareKeys(entries[at].key, write.key) === 0
      if (write.type === 'delete') {
        if (present) entries.splice(at, 1)
      } else {
        entries.splice(at, present ? 1 : 0, { key: write.key, value: write.value })
      }
    }
  }

  #entries(space: StorageSpace): StorageEntry[] {
    return this.#spaces.get(space)!
  }
}

/** Index of the first entry whose key is not less than `key`. */
function lowerBound(entries: readonly StorageEntry[], key: StorageKey): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(entries[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function hasPrefix(key: StorageKey, prefix: StorageKey): boolean {
  return key.length >= prefix.length && compareKeys(key.slice(0, prefix.length), prefix) === 0
}
