/**
 * CipherState (Noise revision 34, section 5.1) with ChaChaPoly: a key and the nonce that follows.
 *
 * Invariant: one state never seals twice under one nonce. A failed opening leaves it unchanged.
 */

import { assert } from '../assert.ts'
import { concatBytes } from '../bytes/compare.ts'
import type { Cryptography, Sealed } from '../crypto/cryptography.ts'

/** Bytes that sealing adds (the Poly1305 tag). */
export const tagBytes = 16

/** Largest Noise message, in bytes (section 3). */
export const noiseMessageBytesMax = 65_535

const noAdditional = new Uint8Array(0)
const zeroKey = new Uint8Array(32)

/** One direction's key. */
export class CipherState {
  readonly #cryptography: Cryptography
  readonly #key: Uint8Array
  readonly #nonceBytes = new Uint8Array(12)
  readonly #nonceView = new DataView(this.#nonceBytes.buffer)
  #nonce = 0

  constructor(key: Uint8Array, cryptography: Cryptography) {
    this.#key = key
    this.#cryptography = cryptography
  }

  /** EncryptWithAd: under the next nonce. */
  seal(additional: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const sealed = this.sealAt(this.#nonce, additional, plaintext)
    this.#nonce += 1
    return concatBytes(...sealed)
  }

  /** DecryptWithAd: under the next nonce, which is used up only when the tag fits. */
  open(additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    const opened = this.openAt(this.#nonce, additional, ciphertext)
    if (opened) this.#nonce += 1
    return opened
  }

  /** Seals under an explicit nonce (section 11.4); the caller sees to it that none repeats. */
  sealAt(nonce: number, additional: Uint8Array, plaintext: Uint8Array): Sealed {
    assert(nonce < Number.MAX_SAFE_INTEGER, 'nonces are used up')
    this.#writeNonce(nonce)
    return this.#cryptography.seal(this.#key, this.#nonceBytes, additional, plaintext)
  }

  /** Opens under an explicit nonce; `undefined` when the tag does not fit. */
  openAt(nonce: number, additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (ciphertext.length < tagBytes) return undefined
    this.#writeNonce(nonce)
    return this.#cryptography.open(this.#key, this.#nonceBytes, additional, ciphertext)
  }

  /** A state of the same key and nonce. Only one of both may seal. */
  copy(): CipherState {
    const copy = new CipherState(this.#key, this.#cryptography)
    copy.#nonce = this.#nonce
    return copy
  }

  /**
   * Rekey (sections 4.2 and 11.3): a state of the key that follows, from which this one's cannot be
   * found. Nonces go on from 0 for `seal` and `open`. This state is not changed.
   */
  rekeyed(): CipherState {
    // The nonce 2^64 - 1 is kept for this.
    const nonce = new Uint8Array(12).fill(0xff, 4)
    const [key] = this.#cryptography.seal(this.#key, nonce, noAdditional, zeroKey)
    return new CipherState(key.slice(), this.#cryptography)
  }

  /** 32 zero bits, then the nonce in 64 bits, little-endian (section 12.3). */
  #writeNonce(nonce: number): void {
    this.#nonceView.setUint32(4, nonce % 0x1_0000_0000, true)
    this.#nonceView.setUint32(8, Math.floor(nonce / 0x1_0000_0000), true)
  }
}
