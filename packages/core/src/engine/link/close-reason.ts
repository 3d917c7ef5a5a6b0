/**
 * Why links end. The codes travel in close frames and never change meaning (rule FR9 of
 * docs/specs/link.md); a code that this version does not know reads as `unknown`.
 */

import { ByteReader } from '../bytes/reader.ts'
import type { ChannelCloseReason } from '../../transport/channel.ts'
import type { ProblemCode } from '../problem.ts'

/** Reasons with their codes on the wire. */
export const closeReasonCodes = {
  /** The application closed the mesh. */
  stopped: 1,
  'app-mismatch': 2,
  'secret-mismatch': 3,
  'protocol-version-mismatch': 4,
  /** The peer is not the one that was dialled. */
  'identity-mismatch': 5,
  /** Malformed, undecipherable or uncertified handshake. */
  'handshake-failed': 6,
  'handshake-timeout': 7,
  /** The peer is this very peer. */
  self: 8,
  /** Another channel of the same transport to the same peer stays. */
  duplicate: 9,
  /** The peer has been restarted since, or its end of the link is over. */
  superseded: 10,
  /** A boot of the peer that is older than one seen on a living link. */
  stale: 11,
  /** A frame broke the rules, or did not decipher. */
  protocol: 12,
  /** Nothing was heard for 3.5 hello intervals. */
  silent: 13,
  /** A bound on channels or handshakes is reached. */
  limit: 14,
  /** The channel takes no messages that are long enough. */
  'unsupported-channel': 15,
  /** One end has links enough, and reaches the other without this one. */
  surplus: 16,
} as const

export type WireCloseReason = keyof typeof closeReasonCodes
export type CloseReason = WireCloseReason | 'unknown'

/** Why a link went down: its close reason, or what became of its channel. */
export type LinkDownReason = CloseReason | `channel-${ChannelCloseReason}`

const reasonsByCode = new Map<number, WireCloseReason>(
  Object.entries(closeReasonCodes).map(([reason, code]) => [code, reason as WireCloseReason]),
)

/** Payload of a close frame: the code; later versions may append to it. */
export function encodeCloseReason(reason: WireCloseReason): Uint8Array {
  return Uint8Array.of(closeReasonCodes[reason])
}

export function decodeCloseReason(payload: Uint8Array): CloseReason {
  return reasonsByCode.get(new ByteReader(payload).u8()) ?? 'unknown'
}

/**
 * Reasons that no retry mends, or not soon: the dialler waits its longest before it tries again. Who
 * broke a rule would break it again.
 */
const hardReasons: ReadonlySet<LinkDownReason> = new Set<LinkDownReason>([
  'app-mismatch',
  'secret-mismatch',
  'protocol-version-mismatch',
  'identity-mismatch',
  'self',
  'protocol',
  'unsupported-channel',
  'surplus',
])

export function isHardReason(reason: LinkDownReason): boolean {
  return hardReasons.has(reason)
}

/** The problem that a person should read of, if it is one. */
export function problemCodeOf(reason: LinkDownReason): ProblemCode | undefined {
  switch (reason) {
    case 'app-mismatch':
    case 'secret-mismatch':
    case 'protocol-version-mismatch':
    case 'identity-mismatch':
    case 'handshake-failed':
      return reason
    default:
      return undefined
  }
}
