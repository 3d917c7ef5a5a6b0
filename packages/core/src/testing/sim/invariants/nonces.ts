/**
 * No key seals two things under one nonce: ChaCha20-Poly1305 would give away both. The last nonce is
 * kept for the next key (Noise, section 4.2), which both ends of a direction derive by sealing zeros,
 * and nothing else.
 */

import type { Cryptography } from '../../../engine/crypto/cryptography.ts'

/** Keys that are looked after; the oldest gives way. */
const keysMax = 4_096

const keyBytes = 32

/** 2^64 - 1. */
const lastNonce = textOf(new Uint8Array(12).fill(0xff, 4))

/** Nonces that one key has sealed under, as text of their bytes. */
type Used = Set<string>

/** See the file header. One for a world: a key is nobody's twice. */
export class Nonces {
  readonly #violated: (what: string) => void
  /** The array that holds a key is mostly the same from seal to seal. */
  readonly #usedByArray = new WeakMap<Uint8Array, Used>()
  readonly #usedByKey = new Map<string, Used>()

  constructor(violated: (what: string) => void) {
    this.#violated = violated
  }

  /** The same cryptography, looked at. */
  guard(cryptography: Cryptography): Cryptography {
    return {
      ...cryptography,
      seal: (key, nonce, additional, plaintext) => {
        if (textOf(nonce) !== lastNonce) this.#use(key, nonce)
        else if (!isNextKey(additional, plaintext)) {
          this.#violated('something else than the next key was sealed under the last nonce')
        }
        return cryptography.seal(key, nonce, additional, plaintext)
      },
    }
  }

  #use(key: Uint8Array, nonce: Uint8Array): void {
    const used = this.#usedOf(key)
    const text = textOf(nonce)
    if (used.has(text)) {
      const number = [...nonce].map((byte) => byte.toString(16).padStart(2, '0')).join('')
      this.#violated(`a key sealed twice under the nonce ${number}`)
    }
    used.add(text)
  }

  #usedOf(key: Uint8Array): Used {
    const known = this.#usedByArray.get(key)
    if (known !== undefined) return known
    const text = textOf(key)
    const used = this.#usedByKey.get(text) ?? new Set<string>()
    this.#usedByArray.set(key, used)
    this.#usedByKey.set(text, used)
    if (this.#usedByKey.size > keysMax) {
      for (const oldest of this.#usedByKey.keys()) {
        this.#usedByKey.delete(oldest)
        break
      }
    }
    return used
  }
}

function isNextKey(additional: Uint8Array, plaintext: Uint8Array): boolean {
  const isZeros = plaintext.length === keyBytes && plaintext.every((byte) => byte === 0)
  return isZeros && additional.length === 0
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
