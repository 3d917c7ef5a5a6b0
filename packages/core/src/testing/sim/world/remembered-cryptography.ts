/**
 * Cryptography whose asymmetric part is worked out once: the second run of a script, and other seeds
 * with the same identities, ask for the same signatures and secrets again.
 */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'

/** Results kept of each function; at the bound all are forgotten, and worked out again. */
const resultsMax = 16_384

const rememberedByOriginal = new WeakMap<Cryptography, Cryptography>()

/** One for all worlds that are given the same cryptography. */
export function rememberedCryptography(original: Cryptography): Cryptography {
  const known = rememberedByOriginal.get(original)
  if (known !== undefined) return known
  const remembered: Cryptography = {
    ...original,
    x25519PublicKey: ownBytes(remember((secretKey) => original.x25519PublicKey(secretKey))),
    x25519SharedSecret: ownBytes(
      remember((secretKey, publicKey) => original.x25519SharedSecret(secretKey, publicKey)),
    ),
    ed25519PublicKey: ownBytes(remember((secretKey) => original.ed25519PublicKey(secretKey))),
    ed25519Sign: ownBytes(
      remember((message, secretKey) => original.ed25519Sign(message, secretKey)),
    ),
    ed25519Verify: remember((signature, message, publicKey) =>
      original.ed25519Verify(signature, message, publicKey),
    ),
  }
  rememberedByOriginal.set(original, remembered)
  return remembered
}

type Inputs = readonly Uint8Array[]

/** The same function, which looks first whether it was asked that before. */
function remember<Parameters extends Inputs, Result>(
  work: (...inputs: Parameters) => Result,
): (...inputs: Parameters) => Result {
  const results = new Map<string, Result>()
  return (...inputs) => {
    const name = inputs.map(textOf).join('|')
    if (results.has(name)) return results.get(name) as Result
    if (results.size >= resultsMax) results.clear()
    const result = work(...inputs)
    results.set(name, result)
    return result
  }
}

/** Whoever asks gets an array of its own. */
function ownBytes<Parameters extends Inputs, Result extends Uint8Array | undefined>(
  work: (...inputs: Parameters) => Result,
): (...inputs: Parameters) => Result {
  return (...inputs) => work(...inputs)?.slice() as Result
}

/** Inputs of equal lengths are equal where their texts are; other lengths do not meet. */
function textOf(bytes: Uint8Array): string {
  return `${bytes.length} ${String.fromCharCode(...bytes)}`
}
