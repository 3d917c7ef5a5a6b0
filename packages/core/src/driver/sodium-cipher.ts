/**
 * ChaCha20-Poly1305 of libsodium, compiled to WebAssembly, for messages up to a bound; a cipher that
 * is always there does the rest, and everything until the module has loaded or when it cannot.
 *
 * Measured in Node 24 (docs/decisions/0009-cipher-of-libsodium.md): 100 bytes in 2 µs, where plain
 * JavaScript takes 14 and `node:crypto` 11; 64 KiB in 0.23 ms, where they take 0.49 and 0.06.
 */

import type { Cryptography } from '../engine/crypto/cryptography.ts'

/** What is used of the module: its memory, and the two functions. Lengths of 64 bits are two halves. */
interface SodiumModule {
  readonly HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _crypto_aead_chacha20poly1305_ietf_encrypt_detached(
    ciphertext: number,
    tag: number,
    tagBytes: 0,
    plaintext: number,
    plaintextBytes: number,
    plaintextBytesHigh: 0,
    additional: number,
    additionalBytes: number,
    additionalBytesHigh: 0,
    secretNonce: 0,
    nonce: number,
    key: number,
  ): number
  _crypto_aead_chacha20poly1305_ietf_decrypt_detached(
    plaintext: number,
    secretNonce: 0,
    ciphertext: number,
    ciphertextBytes: number,
    ciphertextBytesHigh: 0,
    tag: number,
    additional: number,
    additionalBytes: number,
    additionalBytesHigh: 0,
    nonce: number,
    key: number,
  ): number
}

/** The part of the port that seals and opens. */
export type Cipher = Pick<Cryptography, 'seal' | 'open'>

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
/** Longest additional data that the module is given: headers and hashes are shorter. */
const additionalBytesMax = 256
/** Longest text: a packet of 64 KiB and a tag. */
const textBytesMax = 65_552

/** One module serves all engines of a realm. */
let loading: Promise<Cipher> | undefined

/**
 * The same cryptography with libsodium's cipher for texts of at most `bytesMax` bytes, as soon as
 * that has loaded. Nobody need wait: both ciphers give the same bytes.
 */
export function withSodiumCipher(
  cryptography: Cryptography,
  bytesMax = textBytesMax,
): Cryptography {
  let sodium: Cipher | undefined
  void loadSodiumCipher().then((loaded) => {
    sodium = loaded
  })
  const cipherFor = (textBytes: number, additional: Uint8Array): Cipher => {
    if (sodium === undefined || textBytes > bytesMax) return cryptography
    return additional.length <= additionalBytesMax ? sodium : cryptography
  }
  return {
    ...cryptography,
    seal: (key, nonce, additional, plaintext) =>
      cipherFor(plaintext.length, additional).seal(key, nonce, additional, plaintext),
    open: (key, nonce, additional, ciphertext) =>
      cipherFor(ciphertext.length - tagBytes, additional).open(key, nonce, additional, ciphertext),
  }
}

/**
 * The cipher alone, for texts of up to 64 KiB and a tag and additional data of up to 256 bytes.
 * Resolves with nothing where it cannot be had: no WebAssembly, or a policy against it. Never rejects.
 */
export async function loadSodiumCipher(): Promise<Cipher | undefined> {
  loading ??= import('libsodium').then(async ({ default: create }) =>
    sodiumCipher((await create()) as SodiumModule),
  )
  return loading.catch(() => undefined)
}

/** Works in place, in memory that it has for good. */
function sodiumCipher(sodium: SodiumModule): Cipher {
  const keyAt = sodium._malloc(keyBytes)
  const nonceAt = sodium._malloc(nonceBytes)
  const tagAt = sodium._malloc(tagBytes)
  const additionalAt = sodium._malloc(additionalBytesMax)
  const textAt = sodium._malloc(textBytesMax)

  /** Copies in what both directions take; the memory may have moved since the last time. */
  const enter = (
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    text: Uint8Array,
  ): Uint8Array => {
    const memory = sodium.HEAPU8
    memory.set(key, keyAt)
    memory.set(nonce, nonceAt)
    memory.set(additional, additionalAt)
    memory.set(text, textAt)
    return memory
  }

  return {
    seal(key, nonce, additional, plaintext) {
      const memory = enter(key, nonce, additional, plaintext)
      const { length } = plaintext
      sodium._crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        textAt,
        tagAt,
        0,
        textAt,
        length,
        0,
        additionalAt,
        additional.length,
        0,
        0,
        nonceAt,
        keyAt,
      )
      return [memory.slice(textAt, textAt + length), memory.slice(tagAt, tagAt + tagBytes)]
    },

    open(key, nonce, additional, ciphertext) {
      const length = ciphertext.length - tagBytes
      if (length < 0) return undefined
      const memory = enter(key, nonce, additional, ciphertext.subarray(0, length))
      memory.set(ciphertext.subarray(length), tagAt)
      const outcome = sodium._crypto_aead_chacha20poly1305_ietf_decrypt_detached(
        textAt,
        0,
        textAt,
        length,
        0,
        tagAt,
        additionalAt,
        additional.length,
        0,
        nonceAt,
        keyAt,
      )
      return outcome === 0 ? memory.slice(textAt, textAt + length) : undefined
    },
  }
}
