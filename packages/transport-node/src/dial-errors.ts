/** What the system's errors say of a dial. */

import type { DialFailureReason } from '@fieldmesh/core/transport'

/** Why a dial failed, of the error that a socket or the lookup of a name gave. */
export function dialFailureReasonOf({ code }: NodeJS.ErrnoException): DialFailureReason {
  switch (code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return 'refused'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'EACCES':
    case 'EPERM':
      return 'not-permitted'
    case 'EINVAL':
    case 'EADDRNOTAVAIL':
      return 'bad-address'
    default:
      return 'unreachable'
  }
}
