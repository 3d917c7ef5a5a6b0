/** Entries in the order of their keys, in memory: what a memory storage keeps for each space. */

import { compareKeys, hasPrefix } from './key-order.ts'
import type { StorageEntry, StorageKey } from './storage.ts'

/** A sorted array: finding is logarithmic, changing moves what comes after. */
export class OrderedEntries {
  #entries: StorageEntry[] = []

  get(key: StorageKey): StorageEntry | undefined {
    const entry = this.#entries[this.#firstFrom(key)]
    return entry !== undefined && compareKeys(entry.key, key) === 0 ? entry : undefined
  }

  /** Entries that have the prefix, strictly after `after`, at most `limit`. */
  list(prefix: StorageKey, after: StorageKey | undefined, limit: number): StorageEntry[] {
    let index = this.#firstFrom(prefix)
    if (after !== undefined) {
      const next = this.#firstFrom(after)
      const entry = this.#entries[next]
      const found = entry !== undefined && compareKeys(entry.key, after) === 0
      index = Math.max(index, found ? next + 1 : next)
    }
    const end = Math.min(this.#entries.length, index + limit)
    let last = index
    while (last < end && hasPrefix(this.#entries[last]!.key, prefix)) last += 1
    return this.#entries.slice(index, last)
  }

  put(entry: StorageEntry): void {
    const index = this.#firstFrom(entry.key)
    const present = this.#entries[index]
    const replaced = present !== undefined && compareKeys(present.key, entry.key) === 0 ? 1 : 0
    this.#entries.splice(index, replaced, entry)
  }

  delete(key: StorageKey): void {
    if (this.get(key) !== undefined) this.#entries.splice(this.#firstFrom(key), 1)
  }

  deletePrefix(prefix: StorageKey): void {
    const first = this.#firstFrom(prefix)
    let end = first
    while (end < this.#entries.length && hasPrefix(this.#entries[end]!.key, prefix)) end += 1
    this.#entries.splice(first, end - first)
  }

  /** Index of the first entry whose key does not come before `key`. */
  #firstFrom(key: StorageKey): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#entries[middle]!.key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
