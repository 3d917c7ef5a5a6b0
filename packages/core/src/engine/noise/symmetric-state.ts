/**
 * SymmetricState (Noise revision 34, section 5.2) with SHA-256: the chaining key, the handshake
 * hash, and the key that handshake payloads are sealed with once there is one.
 */

import { assert } from '../assert.ts'
import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { CipherState } from './cipher-state.ts'

/** Bytes of a hash and of a key. */
export const hashBytes = 32

const empty = new Uint8Array(0)

/** What both ends of a handshake have agreed on so far. */
export class SymmetricState {
  readonly #cryptography: Cryptography
  #chainingKey: Uint8Array
  #hash: Uint8Array
  #cipher: CipherState | undefined

  /** The state at the beginning of a handshake. */
  static of(protocolName: string, cryptography: Cryptography): SymmetricState {
    const name = encodeUtf8(protocolName)
    if (name.length > hashBytes) return new SymmetricState(cryptography.sha256(name), cryptography)
    const hash = new Uint8Array(hashBytes)
    hash.set(name)
    return new SymmetricState(hash, cryptography)
  }

  private constructor(hash: Uint8Array, cryptography: Cryptography) {
    this.#cryptography = cryptography
    this.#hash = hash
    this.#chainingKey = hash
  }

  /** The same state, apart. Only one of both may seal. */
  copy(): SymmetricState {
    const copy = new SymmetricState(this.#hash, this.#cryptography)
    copy.#chainingKey = this.#chainingKey
    copy.#cipher = this.#cipher?.copy()
    return copy
  }

  /** The handshake hash: a name for this very session that both ends share. */
  get handshakeHash(): Uint8Array {
    return this.#hash
  }

  /** Payloads and static keys travel sealed by now. */
  get hasKey(): boolean {
    return this.#cipher !== undefined
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#cryptography.sha256(concatBytes(this.#hash, data))
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#derive(input, 2)
    this.#chainingKey = chainingKey!
    this.#cipher = new CipherState(key!, this.#cryptography)
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = this.#derive(input, 3)
    this.#chainingKey = chainingKey!
    this.mixHash(hash!)
    this.#cipher = new CipherState(key!, this.#cryptography)
  }

  sealAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#cipher ? this.#cipher.seal(this.#hash, plaintext) : plaintext
    this.mixHash(sealed)
    return sealed
  }

  openAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const opened = this.#cipher ? this.#cipher.open(this.#hash, ciphertext) : ciphertext
    if (opened) this.mixHash(ciphertext)
    return opened
  }

  /** The transport keys: first the initiator's to send with, then the responder's. */
  split(): readonly [CipherState, CipherState] {
    const [first, second] = this.#derive(empty, 2)
    return [
      new CipherState(first!, this.#cryptography),
      new CipherState(second!, this.#cryptography),
    ]
  }

  /**
   * A further secret of both ends, named by a label that is not empty: the first output of HKDF over
   * the chaining key and the label. Nobody who lacks the keys can know it, unlike the handshake hash.
   */
  exportKey(label: Uint8Array): Uint8Array {
    assert(label.length > 0, 'the empty label is that of the transport keys')
    return this.#derive(label, 1)[0]!
  }

  /** HKDF of section 4.3. */
  #derive(input: Uint8Array, outputs: 1 | 2 | 3): readonly Uint8Array[] {
    const temporaryKey = this.#cryptography.hmacSha256(this.#chainingKey, input)
    const derived: Uint8Array[] = []
    let previous: Uint8Array = empty
    for (let index = 1; index <= outputs; index += 1) {
      previous = this.#cryptography.hmacSha256(
        temporaryKey,
        concatBytes(previous, Uint8Array.of(index)),
      )
      derived.push(previous)
    }
    return derived
  }
}
