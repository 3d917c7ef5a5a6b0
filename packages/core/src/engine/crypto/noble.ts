/**
 * The cryptography port over the noble libraries: plain JavaScript, the same in every runtime.
 *
 * Ed25519 verification is strict (RFC 8032: canonical encodings only, no key of small order), as
 * driver/node-cryptography.ts is, so that both runtimes accept the same honest signatures and
 * refuse the same malformed ones.
 */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'

import type { Cryptography } from './cryptography.ts'

/** The port's default implementation. Stateless. */
export const nobleCryptography: Cryptography = {
  x25519PublicKey: (secretKey) => x25519.getPublicKey(secretKey),

  x25519SharedSecret(secretKey, publicKey) {
    try {
      return x25519.getSharedSecret(secretKey, publicKey)
    } catch {
      // The library throws for a public key of small order, whose shared secret is all zero.
      return undefined
    }
  },

  ed25519PublicKey: (secretKey) => ed25519.getPublicKey(secretKey),

  ed25519Sign: (message, secretKey) => ed25519.sign(message, secretKey),

  ed25519Verify(signature, message, publicKey) {
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false })
    } catch {
      // Wrong lengths are the caller's outside world too.
      return false
    }
  },

  sha256: (message) => sha256(message),

  hmacSha256: (key, message) => hmac(sha256, key, message),

  seal(key, nonce, additional, plaintext) {
    const sealed = chacha20poly1305(key, nonce, additional).encrypt(plaintext)
    return [sealed.subarray(0, plaintext.length), sealed.subarray(plaintext.length)]
  },

  open(key, nonce, additional, ciphertext) {
    try {
      return chacha20poly1305(key, nonce, additional).decrypt(ciphertext)
    } catch {
      return undefined
    }
  },
}
