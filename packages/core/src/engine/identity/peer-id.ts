/**
 * The peer id: the first 8 bytes of SHA-256 of the peer's Ed25519 public key.
 *
 * On the wire it is these 8 bytes; everywhere else (map keys, API, logs) 16 lower-case hex digits.
 */

import { decodeHex, encodeHex } from '../bytes/hex.ts'
import type { Cryptography } from '../crypto/cryptography.ts'

/** Sixteen lower-case hexadecimal digits. */
export type PeerId = string & { readonly '~peer': never }

export const peerIdBytes = 8

/** The id that a public key hashes to. */
export function peerIdOf(publicKey: Uint8Array, cryptography: Cryptography): PeerId {
  return encodePeerId(cryptography.sha256(publicKey).subarray(0, peerIdBytes))
}

/** The id written in 8 wire bytes. */
export function encodePeerId(bytes: Uint8Array): PeerId {
  return encodeHex(bytes) as PeerId
}

/** The 8 wire bytes of an id. */
export function decodePeerId(peer: PeerId): Uint8Array {
  return decodeHex(peer) ?? new Uint8Array(peerIdBytes)
}

/** The id, when the text is one. */
export function parsePeerId(text: string): PeerId | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? (text as PeerId) : undefined
}
