/**
 * Between descriptions of a meeting and session descriptions (SDP): what of an end's own is told, and
 * what an implementation is given as the other end's (rules IV7 and IV9 of docs/specs/invitation.md).
 */

import { messageBytesMax } from '../connection.ts'
import { candidatesMax, isDescribableHost } from './description.ts'
import type { CandidateKind, DescribedCandidate, Description } from './description.ts'

/** Candidates that are not of this machine's own networks and have room beside all that are. */
const farCandidatesMax = 4

/** How good a kind of candidate is (RFC 8445, section 5.1.2.2). */
const preferences: Readonly<Record<CandidateKind, number>> = { host: 126, srflx: 100, relay: 0 }

/**
 * What an end's own session description and its candidates (lines of `a=candidate`, without the `a=`)
 * say; undefined when something is missing, or the certificate is not named by SHA-256.
 */
export function describe(sdp: string, candidateLines: readonly string[]): Description | undefined {
  const ufrag = /^a=ice-ufrag:(\S+)\s*$/m.exec(sdp)?.[1]
  const password = /^a=ice-pwd:(\S+)\s*$/m.exec(sdp)?.[1]
  const digits = /^a=fingerprint:sha-256 ([0-9a-f:]{95})\s*$/im.exec(sdp)?.[1]
  if (ufrag === undefined || password === undefined || digits === undefined) return undefined
  const fingerprint = Uint8Array.from(digits.split(':'), (pair) => Number.parseInt(pair, 16))
  const found = candidateLines.flatMap((line) => readCandidate(line) ?? [])
  const sorted = found.toSorted((one, other) => other.priority - one.priority)
  const far = sorted.filter(({ kind }) => kind !== 'host').slice(0, farCandidatesMax)
  const near = sorted.filter(({ kind }) => kind === 'host').slice(0, candidatesMax - far.length)
  const candidates = [...near, ...far].map(({ kind, host, port }) => ({ kind, host, port }))
  return { fingerprint, ufrag, password, candidates }
}

/** Lines of `a=candidate` of a session description, without the `a=`. */
export function candidateLinesOf(sdp: string): string[] {
  return Array.from(sdp.matchAll(/^a=(candidate:.*?)\s*$/gm), ([, line = '']) => line)
}

/** The session description that the other end would have made, but for its candidates. */
export function sessionDescription(
  type: 'offer' | 'answer',
  { fingerprint, ufrag, password }: Description,
): string {
  const digits = Array.from(fingerprint, (byte) => byte.toString(16).padStart(2, '0').toUpperCase())
  return [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${digits.join(':')}`,
    // The end that invites has everything it needs when it begins; the other end waits for that.
    `a=setup:${type === 'offer' ? 'active' : 'passive'}`,
    'a=mid:0',
    'a=sctp-port:5000',
    `a=max-message-size:${messageBytesMax}`,
    '',
  ].join('\r\n')
}

/** The other end's candidates, as lines of `a=candidate` without the `a=`. */
export function candidateLines({ candidates }: Description): string[] {
  return candidates.map(({ kind, host, port }, index) => {
    // The order that they were told in is all that is left of their preference.
    const priority = preferences[kind] * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255
    const related = kind === 'host' ? '' : ' raddr 0.0.0.0 rport 9'
    return `candidate:${index + 1} 1 udp ${priority} ${host} ${port} typ ${kind}${related}`
  })
}

function readCandidate(line: string): (DescribedCandidate & { priority: number }) | undefined {
  const pattern = /^candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ (host|srflx|relay)\b/i
  const [, priority, host, port, kind] = pattern.exec(line) ?? []
  if (host === undefined || !isDescribableHost(host)) return undefined
  return {
    kind: (kind ?? '').toLowerCase() as CandidateKind,
    host,
    port: Number(port),
    priority: Number(priority),
  }
}
