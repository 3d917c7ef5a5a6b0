/**
 * A store in memory: for tests, and for peers that need not remember.
 *
 * What it holds is a `MemoryImage`, which outlives the storage: opening a second storage over the
 * same image finds what the first one wrote, and fences it.
 */

import { closedFailure, fencedFailure, formatVersion, newerFormatFailure } from './format.ts'
import { assertKey, assertPrefix } from './key-order.ts'
import { OrderedEntries } from './ordered-entries.ts'
import {
  storageSpaces,
  type Storage,
  type StorageEntry,
  type StorageKey,
  type StorageOpening,
  type StorageRead,
  type StorageReadResult,
  type StorageSpace,
  type StorageValue,
  type StorageWrite,
} from './storage.ts'
import { unreachable } from '../engine/assert.ts'

/** The content of a memory store. Made by `createMemoryImage`; for nobody to look into. */
export interface MemoryImage {
  epoch: number
  formatVersion: number
  readonly spaces: Readonly<Record<StorageSpace, OrderedEntries>>
}

/** An empty store, to be opened as often as wanted. */
export function createMemoryImage(): MemoryImage {
  const spaces = Object.fromEntries(storageSpaces.map((space) => [space, new OrderedEntries()]))
  return { epoch: 0, formatVersion, spaces: spaces as MemoryImage['spaces'] }
}

export interface MemoryStorageOptions {
  /** What to open; by default an empty store that ends with this storage. */
  readonly image?: MemoryImage
}

/** A storage in memory. Answers come later, as from a disk, and the values are copies. */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.image ?? createMemoryImage())
}

class MemoryStorage implements Storage {
  readonly #image: MemoryImage
  #state: 'unopened' | 'open' | 'closed' = 'unopened'
  #epoch = 0
  /** Ends when all operations before it have: each sees what those before it did. */
  #turn: Promise<void> = Promise.resolve()

  constructor(image: MemoryImage) {
    this.#image = image
  }

  open(): Promise<StorageOpening> {
    return this.#inTurn(() => {
      if (this.#state !== 'unopened') throw closedFailure('closed')
      if (this.#image.formatVersion > formatVersion) {
        throw newerFormatFailure(this.#image.formatVersion)
      }
      this.#state = 'open'
      this.#image.epoch += 1
      this.#epoch = this.#image.epoch
      return { epoch: this.#epoch, formatVersion, created: this.#epoch === 1 }
    })
  }

  read(reads: readonly StorageRead[]): Promise<readonly StorageReadResult[]> {
    return this.#inTurn(() => {
      this.#assertOpen()
      return reads.map((read) => this.#answer(read))
    })
  }

  async write(writes: readonly StorageWrite[]): Promise<void> {
    const copies = writes.map(copyWrite)
    await this.#inTurn(() => {
      this.#assertOpen()
      if (this.#epoch !== this.#image.epoch) throw fencedFailure(this.#epoch, this.#image.epoch)
      for (const write of copies) this.#apply(write)
    })
  }

  close(): Promise<void> {
    return this.#inTurn(() => {
      this.#state = 'closed'
    })
  }

  #inTurn<Result>(act: () => Result): Promise<Result> {
    const result = this.#turn.then(act)
    this.#turn = result.then(
      () => {},
      () => {},
    )
    return result
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw closedFailure(this.#state)
  }

  #answer(read: StorageRead): StorageReadResult {
    const entries = this.#image.spaces[read.space]
    switch (read.type) {
      case 'get': {
        const entry = entries.get(read.key)
        return entry === undefined ? [] : [copyEntry(entry)]
      }
      case 'list':
        return entries.list(read.prefix, read.after, read.limit).map(copyEntry)
      default:
        return unreachable(read)
    }
  }

  #apply(write: StorageWrite): void {
    const entries = this.#image.spaces[write.space]
    switch (write.type) {
      case 'put':
        entries.put({ key: write.key, value: write.value })
        return
      case 'delete':
        entries.delete(write.key)
        return
      case 'delete-prefix':
        entries.deletePrefix(write.prefix)
        return
      default:
        unreachable(write)
    }
  }
}

/** Copies, so that a buffer that its owner uses again does not change the store. */
function copyWrite(write: StorageWrite): StorageWrite {
  switch (write.type) {
    case 'put':
      assertKey(write.key)
      return { ...write, ...copyEntry(write) }
    case 'delete':
      assertKey(write.key)
      return { ...write, key: copyKey(write.key) }
    case 'delete-prefix':
      assertPrefix(write.prefix)
      return { ...write, prefix: copyKey(write.prefix) }
    default:
      return unreachable(write)
  }
}

function copyEntry({ key, value }: StorageEntry): StorageEntry {
  return { key: copyKey(key), value: copyPart(value) }
}

function copyKey(key: StorageKey): StorageKey {
  return key.map(copyPart)
}

function copyPart<Part extends StorageKey[number] | StorageValue>(part: Part): Part {
  return part instanceof Uint8Array ? (part.slice() as Part) : part
}
