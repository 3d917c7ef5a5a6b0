/**
 * Cryptography without strength, for exploration: a thousand times as fast as the real one, with the
 * same algebra. Keys agree where they should and differ where they should, a tag fits or not, and that
 * is all that a protocol's state machine can see of it. Texts are not even hidden.
 *
 * It notices when a key seals two different texts under one nonce, which no run may do.
 */

import { equalBytes } from '../../engine/bytes/compare.ts'
import { encodeHex } from '../../engine/bytes/hex.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'

/** A prime below 2^26, so that products are exact. */
const prime = 67_108_859
const generator = 2
const keyBytes = 32
const tagBytes = 16

/** One world's cryptography: all of its peers share it. */
export class ToyCryptography implements Cryptography {
  readonly #sealed = new Map<string, Uint8Array>()
  readonly #remembers: boolean
  #reuse: string | undefined

  /** `remembers`: what was sealed, to notice a nonce that is used twice; it grows with each seal. */
  constructor({ remembers = true } = {}) {
    this.#remembers = remembers
  }

  /** The first nonce that was used twice; `undefined` while there is none. */
  get reuse(): string | undefined {
    return this.#reuse
  }

  x25519PublicKey(secretKey: Uint8Array): Uint8Array {
    return encodeNumber(power(generator, exponentOf(secretKey)))
  }

  x25519SharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    const base = decodeNumber(publicKey)
    return base === 0 ? undefined : encodeNumber(power(base % prime, exponentOf(secretKey)))
  }

  ed25519PublicKey(secretKey: Uint8Array): Uint8Array {
    return toyHash(secretKey)
  }

  ed25519Sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
    const signature = new Uint8Array(2 * keyBytes)
    signature.set(toyHash(this.ed25519PublicKey(secretKey), message))
    return signature
  }

  ed25519Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
    return equalBytes(signature.subarray(0, keyBytes), toyHash(publicKey, message))
  }

  sha256(message: Uint8Array): Uint8Array {
    return toyHash(message)
  }

  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
    return toyHash(key, message)
  }

  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    plaintext: Uint8Array,
  ): readonly [Uint8Array, Uint8Array] {
    if (this.#remembers) this.#checkNonce(key, nonce, plaintext)
    const tag = toyHash(key, nonce, additional, plaintext).slice(0, tagBytes)
    return [masked(key, nonce, plaintext), tag]
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined {
    const length = ciphertext.length - tagBytes
    const plaintext = masked(key, nonce, ciphertext.subarray(0, length))
    const tag = toyHash(key, nonce, additional, plaintext).subarray(0, tagBytes)
    return equalBytes(ciphertext.subarray(length), tag) ? plaintext : undefined
  }

  #checkNonce(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): void {
    const name = encodeHex(key) + encodeHex(nonce)
    const former = this.#sealed.get(name)
    if (former === undefined) this.#sealed.set(name, plaintext.slice())
    // A handshake that is begun anew with the same keys says the same.
    else if (!equalBytes(former, plaintext)) this.#reuse ??= encodeHex(nonce)
  }
}

/** 32 bytes that tell apart whatever exploration ever makes. */
export function toyHash(...parts: readonly Uint8Array[]): Uint8Array {
  let [a, b, c, d] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]
  for (const part of parts) {
    a = Math.imul(a ^ part.length, 0x0100_0193)
    for (const byte of part) {
      a = Math.imul(a ^ byte, 0x0100_0193)
      b = Math.imul(b + byte + (a >>> 15), 0x85eb_ca6b)
      c = Math.imul(c ^ (b >>> 13) ^ byte, 0xc2b2_ae35)
      d = (d + Math.imul(c, 0x27d4_eb2f) + byte) | 0
    }
  }
  const words = new Uint32Array(8)
  for (let index = 0; index < words.length; index += 1) {
    a = Math.imul(a ^ (d >>> 16) ^ index, 0x85eb_ca6b)
    b = Math.imul(b ^ (a >>> 13), 0xc2b2_ae35)
    c = Math.imul(c ^ (b >>> 16), 0x27d4_eb2f)
    d = Math.imul(d ^ (c >>> 15), 0x1656_67b1)
    words[index] = a ^ b ^ c ^ d
  }
  return new Uint8Array(words.buffer)
}

/** The text, combined with what key and nonce give: twice is as not at all. */
function masked(key: Uint8Array, nonce: Uint8Array, text: Uint8Array): Uint8Array {
  const mask = toyHash(key, nonce)
  return text.map((byte, index) => byte ^ mask[index % mask.length]! ^ (index >>> 5))
}

function power(base: number, exponent: number): number {
  let result = 1
  let square = base
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * square) % prime
    square = (square * square) % prime
  }
  return result
}

function exponentOf(secretKey: Uint8Array): number {
  return (new DataView(toyHash(secretKey).buffer).getUint32(0) % (prime - 2)) + 1
}

function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(keyBytes)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function decodeNumber(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}
