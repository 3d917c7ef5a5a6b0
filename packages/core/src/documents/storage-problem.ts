/** Failures of storage as problems that reach people. */

import { unreachable } from '../engine/assert.ts'
import type { Problem, ProblemCode } from '../engine/problem.ts'
import type { StorageFailureReason } from '../storage/storage.ts'
import type { StorageFault } from './storage-requests.ts'

/** The problem that a command is answered with. */
export function problemOfFault({ reason, message }: StorageFault): Problem {
  return { code: codeOf(reason), message: `storage failed: ${message}` }
}

/** Whether the store is of no more use to this engine. */
export function isFinal({ reason }: StorageFault): boolean {
  return reason === 'fenced' || reason === 'closed'
}

function codeOf(reason: StorageFailureReason): ProblemCode {
  switch (reason) {
    case 'quota':
      return 'storage-quota'
    case 'fenced':
      return 'store-fenced'
    case 'in-use':
      return 'store-in-use'
    case 'version':
      return 'store-version'
    case 'corrupt':
      return 'store-corrupt'
    case 'io':
      return 'storage-failed'
    case 'closed':
      return 'mesh-closed'
    default:
      return unreachable(reason)
  }
}
