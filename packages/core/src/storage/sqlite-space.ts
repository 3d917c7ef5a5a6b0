/** One space of a store as a table of SQLite. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { decodeKey, encodeKey, encodePrefixEnd } from './key-order.ts'
import {
  StorageFailure,
  type StorageEntry,
  type StorageKey,
  type StorageSpace,
  type StorageValue,
} from './storage.ts'
import { compareBytes } from '../engine/bytes/compare.ts'

/**
 * How a value is kept. Text is UTF-8, as SQLite has it; text with a lone surrogate, which UTF-8
 * cannot write, is kept as its UTF-16 code units.
 */
const kinds = { bytes: 0, text: 1, codeUnits: 2 } as const

const loneSurrogate = /\p{Surrogate}/u

/** More rows than a table can have. */
const rowsMax = 2 ** 53 - 1

export class SqliteSpace {
  readonly #get: StatementSync
  readonly #listFrom: StatementSync
  readonly #listAfter: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #deleteRange: StatementSync

  constructor(database: DatabaseSync, space: StorageSpace) {
    const list = `SELECT key, kind, value FROM ${space} WHERE key < ? AND key`
    this.#get = database.prepare(`SELECT key, kind, value FROM ${space} WHERE key = ?`)
    this.#listFrom = database.prepare(`${list} >= ? ORDER BY key LIMIT ?`)
    this.#listAfter = database.prepare(`${list} > ? ORDER BY key LIMIT ?`)
    this.#put = database.prepare(
      `INSERT OR REPLACE INTO ${space} (key, kind, value) VALUES (?, ?, ?)`,
    )
    this.#delete = database.prepare(`DELETE FROM ${space} WHERE key = ?`)
    this.#deleteRange = database.prepare(`DELETE FROM ${space} WHERE key >= ? AND key < ?`)
  }

  get(key: StorageKey): readonly StorageEntry[] {
    return this.#get.all(encodeKey(key)).map(entryOf)
  }

  list(prefix: StorageKey, after: StorageKey | undefined, limit: number): readonly StorageEntry[] {
    const start = encodeKey(prefix)
    const end = encodePrefixEnd(prefix)
    const rows = Math.min(limit, rowsMax)
    const afterKey = after === undefined ? undefined : encodeKey(after)
    if (afterKey === undefined || compareBytes(afterKey, start) < 0) {
      return this.#listFrom.all(end, start, rows).map(entryOf)
    }
    return this.#listAfter.all(end, afterKey, rows).map(entryOf)
  }

  put(key: StorageKey, value: StorageValue): void {
    const encoded = encodeKey(key)
    if (typeof value !== 'string') this.#put.run(encoded, kinds.bytes, value)
    else if (!loneSurrogate.test(value)) this.#put.run(encoded, kinds.text, value)
    else this.#put.run(encoded, kinds.codeUnits, Buffer.from(value, 'utf16le'))
  }

  delete(key: StorageKey): void {
    this.#delete.run(encodeKey(key))
  }

  deletePrefix(prefix: StorageKey): void {
    this.#deleteRange.run(encodeKey(prefix), encodePrefixEnd(prefix))
  }
}

function entryOf(row: Record<string, SQLOutputValue>): StorageEntry {
  const { key: encoded, kind, value: stored } = row
  const key = encoded instanceof Uint8Array ? decodeKey(encoded) : undefined
  const value = valueOf(kind, stored)
  if (key !== undefined && value !== undefined) return { key, value }
  throw new StorageFailure('corrupt', 'An entry of the store is neither text nor bytes.')
}

function valueOf(
  kind: SQLOutputValue | undefined,
  stored: SQLOutputValue | undefined,
): StorageValue | undefined {
  if (kind === kinds.text && typeof stored === 'string') return stored
  if (!(stored instanceof Uint8Array)) return undefined
  if (kind === kinds.bytes) return stored
  return kind === kinds.codeUnits ? Buffer.from(stored).toString('utf16le') : undefined
}
