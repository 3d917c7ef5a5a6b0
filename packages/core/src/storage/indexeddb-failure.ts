/** What an error of IndexedDB means for a store. */

import { StorageFailure, type StorageFailureReason } from './storage.ts'

/** By the name of the error (Indexed Database API 3.0); all others are `io`. */
const reasonsByName: Readonly<Record<string, StorageFailureReason>> = {
  QuotaExceededError: 'quota',
  VersionError: 'version',
  // The connection was closed before a transaction could begin.
  InvalidStateError: 'closed',
  // Chromium's for a database that it cannot read any more.
  DataCorruptionError: 'corrupt',
}

/** The failure that an error is; one of our own invariants stays what it is. */
export function indexedDbFailureOf(error: unknown, name: string): Error {
  if (error instanceof StorageFailure) return error
  if (error instanceof Error && !(error instanceof DOMException)) return error
  const problem = error instanceof DOMException ? error : undefined
  const described = problem ? `${problem.name}: ${problem.message}` : 'failed without an error'
  const reason = problem ? (reasonsByName[problem.name] ?? 'io') : 'io'
  return new StorageFailure(reason, `IndexedDB store ${name}: ${described}`, { cause: error })
}
