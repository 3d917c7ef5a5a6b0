/**
 * What both ends of a direct dial know without telling each other: credentials of ICE, and the
 * answer that the dialling end gives itself (rules DR4 and DR5 of docs/specs/direct.md).
 */

import { messageBytesMax } from '../connection.ts'
import { base64OfBytes, bytesOfBase64 } from './base64.ts'
import type { DirectAddress } from './direct-address.ts'

/** Names the purpose and the version of the rules, where a stranger's ufrag would stand. */
const ufragPrefix = 'fieldmesh1/'
/** Port of both ends in SCTP; every browser's. */
export const sctpPort = 5000

export interface IceCredentials {
  readonly ufrag: string
  readonly password: string
}

/** The credentials of the peer that has the certificate with that fingerprint. */
export function credentialsOf(fingerprint: Uint8Array): IceCredentials {
  const digits = base64OfBytes(fingerprint)
  return { ufrag: `${ufragPrefix}${digits}`, password: digits }
}

/** The credentials that a ufrag stands for; undefined when it is not of the form. */
export function credentialsOfUfrag(ufrag: string): IceCredentials | undefined {
  if (!ufrag.startsWith(ufragPrefix) || ufrag.length !== ufragPrefix.length + 43) return undefined
  const password = ufrag.slice(ufragPrefix.length)
  return bytesOfBase64(password) ? { ufrag, password } : undefined
}

/** The answer to an offer whose only section has that mid. */
export function answerOf({ host, port, fingerprint }: DirectAddress, mid: string): string {
  const { ufrag, password } = credentialsOf(fingerprint)
  const digits = Array.from(fingerprint, (byte) => byte.toString(16).padStart(2, '0').toUpperCase())
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${mid}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${digits.join(':')}`,
    'a=setup:passive',
    `a=sctp-port:${sctpPort}`,
    `a=max-message-size:${messageBytesMax}`,
    // The priority of the only address of a host (RFC 8445, section 5.1.2.1).
    `a=candidate:1 1 udp 2130706431 ${host} ${port} typ host`,
    'a=end-of-candidates',
    '',
  ]
  return lines.join('\r\n')
}

/** The mid of an offer's first section; simple enough not to be mistaken, or undefined. */
export function midOf(sdp: string): string | undefined {
  return /^a=mid:([\w-]{1,16})\s*$/m.exec(sdp)?.[1]
}
