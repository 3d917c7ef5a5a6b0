/** What a port that is dialled directly has dropped and refused (rule DR17 of docs/specs/direct.md). */

export interface DirectCounts {
  /** Datagrams that are none of STUN or DTLS, and checks that are not proven. */
  malformed: number
  /** Checks for the fingerprint of another certificate: somebody has an old address. */
  checksForOthers: number
  /** Datagrams of DTLS from where there is no session; the rest of a long hello is one. */
  unknown: number
  /** Answers to strangers that were not given, for there were too many. */
  unanswered: number
  /** Sessions not begun, for there were too many. */
  sessionsRefused: number
  /** Sessions that came to nothing: no channel in time, a certificate that is not proven. */
  sessionsFailed: number
  /** Records that a session may not take where it stands. */
  recordsRefused: number
}

export function createDirectCounts(): DirectCounts {
  return {
    malformed: 0,
    checksForOthers: 0,
    unknown: 0,
    unanswered: 0,
    sessionsRefused: 0,
    sessionsFailed: 0,
    recordsRefused: 0,
  }
}
