/**
 * The cryptography port: synchronous, injected, free of randomness.
 *
 * The default is built on the noble libraries; a Node peer injects the faster `node:crypto`.
 * Every key and nonce that needs randomness is handed in by the caller.
 */

/** Ciphertext, as long as the plaintext, and its tag. */
export type Sealed = readonly [ciphertext: Uint8Array, tag: Uint8Array]

/** The primitives of `Noise_*_25519_ChaChaPoly_SHA256` and of peer identities. */
export interface Cryptography {
  /** X25519 public key of a 32-byte secret key (RFC 7748, section 5). */
  x25519PublicKey(secretKey: Uint8Array): Uint8Array
  /** X25519 shared secret; `undefined` when it is all zero (RFC 7748, section 6.1). */
  x25519SharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined
  /** Ed25519 public key of a 32-byte secret key (RFC 8032, section 5.1.5). */
  ed25519PublicKey(secretKey: Uint8Array): Uint8Array
  /** Ed25519 signature, 64 bytes (RFC 8032, section 5.1.6). */
  ed25519Sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array
  /** Whether the signature is valid; false, never an exception, for malformed input. */
  ed25519Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  /** SHA-256, 32 bytes (FIPS 180-4). */
  sha256(message: Uint8Array): Uint8Array
  /** HMAC-SHA-256, 32 bytes (RFC 2104). */
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * ChaCha20-Poly1305 (RFC 8439): ciphertext and 16-byte tag, in arrays or an array of their own. They
   * are apart so that they need not be copied together before they are sent. An array that was a key
   * here or in `open` is not changed afterwards: what was made of it may be remembered.
   */
  seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Sealed
  /** The plaintext, a new array, of ciphertext and tag; `undefined` when the tag does not fit. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined
}
