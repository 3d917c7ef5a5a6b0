/**
 * The binding of a WebRTC channel: the SHA-256 fingerprints of both DTLS certificates.
 *
 * DTLS has proven that the other end holds the key of the certificate that its description names
 * (RFC 8827, section 6.5); the handshake of links then proves that both ends mean the same two.
 */

/** SHA-256 fingerprints are 32 bytes, and there are two. */
export const bindingBytes = 64

/**
 * The fingerprints of both descriptions, the smaller first. Undefined when a description names
 * none by SHA-256 or more than one: then nobody could say which of them DTLS has checked.
 */
export function bindingOf(localSdp: string, remoteSdp: string): Uint8Array | undefined {
  const local = fingerprintOf(localSdp)
  const remote = fingerprintOf(remoteSdp)
  if (local === undefined || remote === undefined) return undefined
  const [one, other] = [local, remote].map((hex) =>
    Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)),
  ) as [Uint8Array, Uint8Array]
  return bindingOfFingerprints(one, other)
}

/** The binding of two fingerprints, whichever is whose. */
export function bindingOfFingerprints(one: Uint8Array, other: Uint8Array): Uint8Array {
  const difference = one.findIndex((byte, position) => byte !== other[position])
  const isFirst = (one[difference] ?? 0) <= (other[difference] ?? 0)
  return Uint8Array.from(isFirst ? [...one, ...other] : [...other, ...one])
}

/** The only fingerprint of a description, in lower-case hexadecimal. */
function fingerprintOf(sdp: string): string | undefined {
  const found = new Set<string>()
  for (const [, algorithm, digits] of sdp.matchAll(/^a=fingerprint:(\S+) (\S+)\s*$/gim)) {
    if (algorithm?.toLowerCase() !== 'sha-256') return undefined
    found.add((digits ?? '').replaceAll(':', '').toLowerCase())
  }
  const [fingerprint] = found
  return found.size === 1 && /^[0-9a-f]{64}$/.test(fingerprint ?? '') ? fingerprint : undefined
}
