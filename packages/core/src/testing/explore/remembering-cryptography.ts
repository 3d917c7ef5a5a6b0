/** A cryptography for exploration, where each branch computes the same again. */

import { encodeHex } from '../../engine/bytes/hex.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'

/** The same results, of which the costly ones are remembered for as long as it lives. */
export function remembering(cryptography: Cryptography): Cryptography {
  const known = new Map<string, unknown>()
  const remember =
    <Arguments extends readonly Uint8Array[], Result>(
      name: string,
      compute: (...inputs: Arguments) => Result,
    ) =>
    (...inputs: Arguments): Result => {
      const key = name + inputs.map(encodeHex).join(' ')
      if (!known.has(key)) known.set(key, compute(...inputs))
      return known.get(key) as Result
    }
  return {
    ...cryptography,
    x25519PublicKey: remember('public key', (key: Uint8Array) => cryptography.x25519PublicKey(key)),
    x25519SharedSecret: remember('shared secret', (own: Uint8Array, other: Uint8Array) =>
      cryptography.x25519SharedSecret(own, other),
    ),
    ed25519Verify: remember('verify', (...inputs: readonly [Uint8Array, Uint8Array, Uint8Array]) =>
      cryptography.ed25519Verify(...inputs),
    ),
  }
}
