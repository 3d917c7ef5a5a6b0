/**
 * A store in IndexedDB, for pages and workers, on secure and insecure origins alike.
 *
 * It stands on idb-keyval, with a store function of our own: one database with an object store for
 * each space, keys that are arrays, transactions over all spaces at once and strict durability (a
 * transaction completes when the data is on the disk, not when the system has promised to write it).
 * A write reads the epoch in its own transaction, and ends it when a later opening has the store.
 */

import { promisifyRequest, update, type UseStore } from 'idb-keyval'
import { unreachable } from '../engine/assert.ts'
import { closedFailure, fencedFailure, formatVersion } from './format.ts'
import {
  claimStore,
  databaseKey,
  epochKey,
  openDatabase,
  prefixRange,
  storageKey,
  transactionEnd,
} from './indexeddb-database.ts'
import { indexedDbFailureOf } from './indexeddb-failure.ts'
import { assertKey, assertPrefix, compareKeys, hasPrefix } from './key-order.ts'
import {
  StorageFailure,
  storageSpaces,
  type Storage,
  type StorageEntry,
  type StorageKey,
  type StorageOpening,
  type StorageRead,
  type StorageReadResult,
  type StorageValue,
  type StorageWrite,
} from './storage.ts'

export interface IndexedDbStorageOptions {
  /** Name of the database. Two applications of one origin need two names. */
  readonly name: string
}

/** A storage in an IndexedDB database. The last one to open it fences those before. */
export function indexedDbStorage(options: IndexedDbStorageOptions): Storage {
  return new IndexedDbStorage(options.name)
}

/** The most that `getAll` takes as a limit. */
const entriesMax = 2 ** 32 - 1

class IndexedDbStorage implements Storage {
  readonly #name: string
  #state: 'unopened' | 'open' | 'closed' | 'taken-over' = 'unopened'
  #opening: Promise<StorageOpening> | undefined
  #database: IDBDatabase | undefined
  #epoch = 0
  /** Ends of the transactions under way, which closing waits for. */
  readonly #transactions = new Set<Promise<void>>()

  constructor(name: string) {
    this.#name = name
  }

  async open(): Promise<StorageOpening> {
    if (this.#opening !== undefined || this.#state !== 'unopened') throw closedFailure('closed')
    this.#opening = this.#guarded(this.#openAndClaim())
    return this.#opening
  }

  async read(reads: readonly StorageRead[]): Promise<readonly StorageReadResult[]> {
    return this.#operate('readonly', ({ transaction }) =>
      Promise.all(reads.map((read) => answerOf(transaction, read))),
    )
  }

  async write(writes: readonly StorageWrite[]): Promise<void> {
    return this.#operate('readwrite', (claims) => this.#writeAll(claims, writes))
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await Promise.allSettled([this.#opening, ...this.#transactions])
    this.#database?.close()
  }

  async #openAndClaim(): Promise<StorageOpening> {
    const database = await openDatabase(this.#name)
    this.#database = database
    database.onversionchange = ({ newVersion }) => {
      // Deleted, or wanted by a later version of the application: either waits for this to close.
      this.#state = newVersion === null ? 'closed' : 'taken-over'
      database.close()
    }
    database.onclose = () => {
      this.#state = 'closed'
    }
    const claim = (last = 0): number => {
      this.#epoch = last + 1
      return this.#epoch
    }
    await update(epochKey, claim, this.#useStore)
    if (this.#state === 'unopened') this.#state = 'open'
    return { epoch: this.#epoch, formatVersion, created: this.#epoch === 1 }
  }

  /** What idb-keyval reads and writes through: the claims, in a transaction over all spaces. */
  readonly #useStore: UseStore = async (mode, act) => {
    const names = [claimStore, ...storageSpaces]
    const transaction = this.#database!.transaction(names, mode, { durability: 'strict' })
    const end = transactionEnd(transaction).finally(() => this.#transactions.delete(end))
    end.catch(() => {}) // Told by the operation.
    this.#transactions.add(end)
    return act(transaction.objectStore(claimStore))
  }

  async #operate<Result>(
    mode: IDBTransactionMode,
    act: (claims: IDBObjectStore) => Promise<Result>,
  ): Promise<Result> {
    if (this.#state === 'taken-over') {
      throw new StorageFailure('fenced', 'A later version of the application has the store now.')
    }
    if (this.#state !== 'open') throw closedFailure(this.#state)
    return this.#guarded(this.#useStore(mode, act))
  }

  async #guarded<Result>(operation: Promise<Result>): Promise<Result> {
    try {
      return await operation
    } catch (error) {
      throw indexedDbFailureOf(error, this.#name)
    }
  }

  async #writeAll(claims: IDBObjectStore, writes: readonly StorageWrite[]): Promise<void> {
    const { transaction } = claims
    const end = transactionEnd(transaction)
    let failure: unknown
    const abort = (reason: unknown): void => {
      failure = reason
      transaction.abort()
    }
    // The writes do not wait for the answer: the transaction is kept as a whole or not at all.
    const question = claims.get(epochKey)
    question.onsuccess = () => {
      const epoch = question.result as number
      if (epoch !== this.#epoch) abort(fencedFailure(this.#epoch, epoch))
    }
    try {
      for (const write of writes) apply(transaction, write)
    } catch (error) {
      abort(error)
    }
    try {
      await end
    } catch (error) {
      throw failure ?? error
    }
  }
}

async function answerOf(
  transaction: IDBTransaction,
  read: StorageRead,
): Promise<StorageReadResult> {
  const space = transaction.objectStore(read.space)
  switch (read.type) {
    case 'get': {
      const value = await promisifyRequest<StorageValue | undefined>(
        space.get(databaseKey(read.key)),
      )
      return value === undefined ? [] : [{ key: read.key, value }]
    }
    case 'list':
      return listOf(space, read.prefix, read.after, read.limit)
    default:
      return unreachable(read)
  }
}

async function listOf(
  space: IDBObjectStore,
  prefix: StorageKey,
  after: StorageKey | undefined,
  limit: number,
): Promise<readonly StorageEntry[]> {
  const begun = after !== undefined && compareKeys(after, prefix) >= 0
  // No limit at all is what 0 means to getAll; a range that ends before it begins is an error.
  if (limit === 0 || (begun && !hasPrefix(after, prefix))) return []
  const range = prefixRange(prefix, begun ? after : undefined)
  const count = Math.min(limit, entriesMax)
  const [keys, values] = await Promise.all([
    promisifyRequest(space.getAllKeys(range, count)),
    promisifyRequest<StorageValue[]>(space.getAll(range, count)),
  ])
  return keys.map((key, index) => ({ key: storageKey(key), value: values[index]! }))
}

function apply(transaction: IDBTransaction, write: StorageWrite): void {
  const space = transaction.objectStore(write.space)
  switch (write.type) {
    case 'put':
      assertKey(write.key)
      space.put(storedValue(write.value), databaseKey(write.key))
      return
    case 'delete':
      assertKey(write.key)
      space.delete(databaseKey(write.key))
      return
    case 'delete-prefix':
      assertPrefix(write.prefix)
      space.delete(prefixRange(write.prefix, undefined))
      return
    default:
      unreachable(write)
  }
}

/** IndexedDB would keep the whole buffer around a view. */
function storedValue(value: StorageValue): StorageValue {
  if (typeof value === 'string' || value.byteLength === value.buffer.byteLength) return value
  return value.slice()
}
