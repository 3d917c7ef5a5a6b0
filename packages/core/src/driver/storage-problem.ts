/** How a failure of storage is told to people. */

import type { Problem, ProblemCode } from '../engine/problem.ts'
import { StorageFailure, type StorageFailureReason } from '../storage/storage.ts'

const codes: Record<StorageFailureReason, ProblemCode> = {
  quota: 'storage-quota',
  fenced: 'store-fenced',
  'in-use': 'store-in-use',
  version: 'store-version',
  corrupt: 'store-corrupt',
  io: 'storage-failed',
  closed: 'storage-failed',
}

/** The failure that an operation of storage rejected with; anything unforeseen is `io`. */
export function storageFailureOf(error: unknown): StorageFailure {
  if (error instanceof StorageFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  return new StorageFailure('io', message, { cause: error })
}

/** The problem that it is to an application. */
export function storageProblemOf({ reason, message }: StorageFailure): Problem {
  return { code: codes[reason], message }
}
