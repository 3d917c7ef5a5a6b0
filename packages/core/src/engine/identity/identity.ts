/**
 * Who this peer is, and how it knows another: an Ed25519 key, and an X25519 static key for Noise
 * that the Ed25519 key has certified (rules HS6 and HS7 of docs/specs/link.md).
 */

import { concatBytes } from '../bytes/compare.ts'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import type { KeyPair } from '../noise/handshake-state.ts'
import { deriveKey } from './key-derivation.ts'
import { peerIdOf } from './peer-id.ts'
import type { PeerId } from './peer-id.ts'

/** Bytes of an Ed25519 signature. */
export const signatureBytes = 64

/** Verified certificates remembered. Beyond it the oldest is forgotten and verified again when met. */
export const verifiedCertificatesMax = 1024

const staticKeyLabel = encodeUtf8('fieldmesh static key 1')
const certificateLabel = encodeUtf8('fieldmesh certificate of static key 1\n')

/** The keys of this peer. Immutable; the secret keys stay in here and in storage. */
export class Identity {
  readonly peer: PeerId
  /** Ed25519 public key; the peer id is its hash. */
  readonly publicKey: Uint8Array
  /** X25519 key pair for handshakes, derived from the Ed25519 secret key. */
  readonly staticKeys: KeyPair
  /** Signature of the Ed25519 key over the X25519 public key. */
  readonly certificate: Uint8Array
  readonly #secretKey: Uint8Array
  readonly #cryptography: Cryptography

  /** From the 32-byte Ed25519 secret key. */
  constructor(secretKey: Uint8Array, cryptography: Cryptography) {
    this.#secretKey = secretKey.slice()
    this.#cryptography = cryptography
    this.publicKey = cryptography.ed25519PublicKey(secretKey)
    this.peer = peerIdOf(this.publicKey, cryptography)
    const staticSecretKey = deriveKey(secretKey, staticKeyLabel, cryptography)
    this.staticKeys = {
      secretKey: staticSecretKey,
      publicKey: cryptography.x25519PublicKey(staticSecretKey),
    }
    this.certificate = this.sign(certifiedMessage(this.staticKeys.publicKey))
  }

  /** Ed25519 signature; the message begins with a label of its own purpose. */
  sign(message: Uint8Array): Uint8Array {
    return this.#cryptography.ed25519Sign(message, this.#secretKey)
  }
}

/** Checks certificates of static keys; remembers those that were good. */
export class CertificateVerifier {
  readonly #cryptography: Cryptography
  readonly #verified = new Set<string>()

  constructor(cryptography: Cryptography) {
    this.#cryptography = cryptography
  }

  /** Whether the Ed25519 key certified the X25519 key. False for malformed input. */
  verify(publicKey: Uint8Array, staticKey: Uint8Array, certificate: Uint8Array): boolean {
    const name = encodeHex(concatBytes(publicKey, staticKey, certificate))
    if (this.#verified.has(name)) return true
    const message = certifiedMessage(staticKey)
    if (!this.#cryptography.ed25519Verify(certificate, message, publicKey)) return false
    if (this.#verified.size >= verifiedCertificatesMax) {
      for (const oldest of this.#verified) {
        this.#verified.delete(oldest)
        break
      }
    }
    this.#verified.add(name)
    return true
  }
}

function certifiedMessage(staticKey: Uint8Array): Uint8Array {
  return concatBytes(certificateLabel, staticKey)
}
