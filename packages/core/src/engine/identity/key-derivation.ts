/** HKDF with SHA-256 (RFC 5869), for one 32-byte key. */

import { concatBytes } from '../bytes/compare.ts'
import type { Cryptography } from '../crypto/cryptography.ts'

const noSalt = new Uint8Array(32)

/** A 32-byte key from key material and the purpose it serves. */
export function deriveKey(
  material: Uint8Array,
  purpose: Uint8Array,
  cryptography: Cryptography,
): Uint8Array {
  const pseudorandomKey = cryptography.hmacSha256(noSalt, material)
  // One block of output: HKDF-Expand with the single counter byte 1.
  return cryptography.hmacSha256(pseudorandomKey, concatBytes(purpose, Uint8Array.of(1)))
}
