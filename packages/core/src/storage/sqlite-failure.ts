/** What an error of SQLite or of the file system means for a store. */

import { StorageFailure, type StorageFailureReason } from './storage.ts'

/** Primary result codes (https://sqlite.org/rescode.html); all others are `io`. */
const reasonsByCode: Readonly<Record<number, StorageFailureReason>> = {
  5: 'in-use', // SQLITE_BUSY
  6: 'in-use', // SQLITE_LOCKED
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'quota', // SQLITE_FULL
  26: 'corrupt', // SQLITE_NOTADB
}

/** The failure that an error is; one of our own invariants stays what it is. */
export function sqliteFailureOf(error: unknown, path: string): Error {
  if (error instanceof StorageFailure) return error
  if (!(error instanceof Error)) return new StorageFailure('io', String(error))
  const code = 'code' in error ? error.code : undefined
  if (code === undefined) return error
  const message = `SQLite store ${path}: ${error.message}`
  return new StorageFailure(reasonOf(error, code), message, { cause: error })
}

function reasonOf(error: Error, code: unknown): StorageFailureReason {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'quota'
  const result = 'errcode' in error ? Number(error.errcode) : 0
  // The upper bytes of an extended result code say more about the primary one in the lowest.
  return reasonsByCode[result & 0xff] ?? 'io'
}
