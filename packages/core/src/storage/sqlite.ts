/**
 * A store in a SQLite file, for Node: durable when a write resolves, and one opening at a time.
 *
 * It works synchronously in the thread that calls it, in slices of one batch or one request.
 * Journal mode WAL with `synchronous = FULL`: each commit waits until the log is on the disk, since
 * nothing may leave a peer that a loss of power could take back; NORMAL would not wait. The lock
 * that keeps others out ends with the process, however it ends.
 */

import type { DatabaseSync } from 'node:sqlite'
import { unreachable } from '../engine/assert.ts'
import { closedFailure, fencedFailure } from './format.ts'
import { assertKey, assertPrefix } from './key-order.ts'
import { sqliteFailureOf } from './sqlite-failure.ts'
import { claimStore, openFile, readEpoch } from './sqlite-file.ts'
import { SqliteSpace } from './sqlite-space.ts'
import {
  storageSpaces,
  type Storage,
  type StorageOpening,
  type StorageRead,
  type StorageReadResult,
  type StorageSpace,
  type StorageWrite,
} from './storage.ts'

export interface SqliteStorageOptions {
  /** The file; it and the folders to it are made when missing. `-wal` is kept beside it. */
  readonly path: string
  /**
   * Keep others out while the store is open (default true): opening it again, from this process or
   * another, fails with `in-use`. With false the last one to open it wins and fences the others,
   * as in a browser, and other programs can read the file meanwhile.
   */
  readonly exclusive?: boolean
}

/** A storage in a SQLite file. */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  return new SqliteStorage(options)
}

class SqliteStorage implements Storage {
  readonly #path: string
  readonly #exclusive: boolean
  #state: 'unopened' | 'open' | 'closed' = 'unopened'
  #database: DatabaseSync | undefined
  #spaces = new Map<StorageSpace, SqliteSpace>()
  #epoch = 0

  constructor({ path, exclusive = true }: SqliteStorageOptions) {
    this.#path = path
    this.#exclusive = exclusive
  }

  async open(): Promise<StorageOpening> {
    if (this.#state !== 'unopened') throw closedFailure('closed')
    this.#state = 'closed'
    return this.#guarded(() => {
      let database: DatabaseSync | undefined
      try {
        database = openFile(this.#path, this.#exclusive)
        const opening = claimStore(database)
        for (const space of storageSpaces) this.#spaces.set(space, new SqliteSpace(database, space))
        this.#epoch = opening.epoch
        this.#database = database
        this.#state = 'open'
        return opening
      } catch (error) {
        database?.close()
        throw error
      }
    })
  }

  async read(reads: readonly StorageRead[]): Promise<readonly StorageReadResult[]> {
    return this.#transact('BEGIN', () => reads.map((read) => this.#answer(read)))
  }

  async write(writes: readonly StorageWrite[]): Promise<void> {
    this.#transact('BEGIN IMMEDIATE', (database) => {
      const storeEpoch = readEpoch(database)
      if (storeEpoch !== this.#epoch) throw fencedFailure(this.#epoch, storeEpoch)
      for (const write of writes) this.#apply(write)
    })
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    this.#guarded(() => {
      this.#database?.close()
      this.#database = undefined
    })
  }

  #transact<Result>(begin: string, act: (database: DatabaseSync) => Result): Result {
    const database = this.#database
    if (this.#state !== 'open' || database === undefined) {
      throw closedFailure(this.#state === 'unopened' ? 'unopened' : 'closed')
    }
    return this.#guarded(() => {
      database.exec(begin)
      try {
        const result = act(database)
        database.exec('COMMIT')
        return result
      } catch (error) {
        rollBack(database)
        throw error
      }
    })
  }

  #guarded<Result>(act: () => Result): Result {
    try {
      return act()
    } catch (error) {
      throw sqliteFailureOf(error, this.#path)
    }
  }

  #answer(read: StorageRead): StorageReadResult {
    const space = this.#spaces.get(read.space)!
    switch (read.type) {
      case 'get':
        return space.get(read.key)
      case 'list':
        return space.list(read.prefix, read.after, read.limit)
      default:
        return unreachable(read)
    }
  }

  #apply(write: StorageWrite): void {
    const space = this.#spaces.get(write.space)!
    switch (write.type) {
      case 'put':
        assertKey(write.key)
        space.put(write.key, write.value)
        return
      case 'delete':
        assertKey(write.key)
        space.delete(write.key)
        return
      case 'delete-prefix':
        assertPrefix(write.prefix)
        space.deletePrefix(write.prefix)
        return
      default:
        unreachable(write)
    }
  }
}

/** After some errors SQLite has rolled back by itself, and there is nothing to end. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // The first error is the one that tells.
  }
}
