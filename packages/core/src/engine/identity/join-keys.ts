/**
 * What admits a peer to a mesh: a key from the shared secret, and a tag that tells two apps apart
 * without naming them (rules HS3 and HS4 of docs/specs/link.md).
 */

import { concatBytes } from '../bytes/compare.ts'
import { encodeUtf8 } from '../bytes/utf8.ts'
import type { Cryptography } from '../crypto/cryptography.ts'
import { deriveKey } from './key-derivation.ts'

/** Bytes of a salted tag of the app: enough to tell apps apart; the secret is what keeps out. */
export const appTagBytes = 8

/** Keys that `app` and `secret` give. */
export interface JoinKeys {
  /** 32 bytes: the `psk` of handshakes. */
  readonly presharedKey: Uint8Array
  /** The tag of the app under a handshake's salt. */
  appTag(salt: Uint8Array): Uint8Array
}

const presharedKeyLabel = encodeUtf8('fieldmesh pre-shared key 1\n')

/** Derives what peers of one app and secret share. */
export function deriveJoinKeys(
  app: string,
  secret: Uint8Array,
  cryptography: Cryptography,
): JoinKeys {
  const appBytes = encodeUtf8(app)
  return {
    presharedKey: deriveKey(secret, concatBytes(presharedKeyLabel, appBytes), cryptography),
    appTag: (salt) => cryptography.sha256(concatBytes(salt, appBytes)).slice(0, appTagBytes),
  }
}
