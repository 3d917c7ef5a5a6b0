/**
 * Which refusals people are told of: once for each target and reason, and for channels that others
 * opened once in a while, so that a stranger who keeps knocking cannot flood the application
 * (rule LK16 of docs/specs/link.md).
 */

import type { DialFailureReason } from '../../transport/transport.ts'
import type { Problem, ProblemCode } from '../problem.ts'
import type { LinkDownReason } from './close-reason.ts'
import { problemCodeOf } from './close-reason.ts'
import type { DialTarget } from './dial-target.ts'

/** Between two reports of one code about channels that others opened, in milliseconds. */
export const problemQuietMs = 600_000

const sentences: Readonly<Partial<Record<ProblemCode, string>>> = {
  'app-mismatch': 'it belongs to another app',
  'secret-mismatch': 'it has another secret',
  'protocol-version-mismatch': 'it speaks no version of the link protocol that this peer speaks',
  'identity-mismatch': 'its identity is not the one that was asked for',
  'handshake-failed': 'its handshake was malformed or tampered with',
}

/** Failures of a dial that a person can mend: the address itself is wrong. */
const codesByDialFailure: ReadonlyMap<DialFailureReason, ProblemCode> = new Map<
  DialFailureReason,
  ProblemCode
>([
  ['bad-address', 'address-invalid'],
  ['certificate-mismatch', 'certificate-mismatch'],
])

/** Remembers what was told. */
export class ProblemLog {
  readonly #quietUntilMsByCode = new Map<ProblemCode, number>()

  /** The problem to report about a channel that ended, if it is one and is news. */
  about(
    reason: LinkDownReason,
    by: 'local' | 'remote',
    transport: string,
    target: DialTarget | undefined,
    nowMs: number,
  ): Problem | undefined {
    const code = problemCodeOf(reason)
    if (code === undefined) return undefined
    if (target) {
      if (target.reportedReason === reason) return undefined
      target.reportedReason = reason
    } else {
      if (nowMs < (this.#quietUntilMsByCode.get(code) ?? 0)) return undefined
      this.#quietUntilMsByCode.set(code, nowMs + problemQuietMs)
    }
    const who = target
      ? `${target.address} over ${transport}`
      : `a peer that came over ${transport}`
    return { code, message: refusalMessageOf(code, by, who) }
  }

  /** The problem to report about a dial that opened no channel; the sentence is its transport's. */
  aboutDial(reason: DialFailureReason, sentence: string, target: DialTarget): Problem | undefined {
    const code = codesByDialFailure.get(reason)
    if (code === undefined || target.reportedReason === reason) return undefined
    target.reportedReason = reason
    return { code, message: sentence }
  }
}

/** Why a channel that came of a meeting did not make its ends neighbours. */
export function meetingProblem(
  reason: LinkDownReason,
  by: 'local' | 'remote',
  transport: string,
): Problem {
  const code = problemCodeOf(reason)
  const who = `the peer that was met over ${transport}`
  if (code !== undefined) return { code, message: refusalMessageOf(code, by, who) }
  return { code: 'invitation-failed', message: `the channel to ${who} ended: ${reason}` }
}

function refusalMessageOf(code: ProblemCode, by: 'local' | 'remote', who: string): string {
  const decider = by === 'local' ? 'this peer refused' : 'refused by'
  return `${decider} ${who}: ${sentences[code] ?? code}`
}
