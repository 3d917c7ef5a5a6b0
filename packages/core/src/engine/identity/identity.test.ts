import { hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'

import { nobleCryptography as cryptography } from '../crypto/noble.ts'
import { CertificateVerifier, Identity, verifiedCertificatesMax } from './identity.ts'
import { deriveJoinKeys } from './join-keys.ts'
import { deriveKey } from './key-derivation.ts'
import { parsePeerId } from './peer-id.ts'

const secretKey = new Uint8Array(32).fill(3)

test('key derivation is HKDF-SHA256 of RFC 5869 with an empty salt', () => {
  const purpose = Uint8Array.of(1, 2, 3)
  expect(deriveKey(secretKey, purpose, cryptography)).toEqual(
    new Uint8Array(hkdfSync('sha256', secretKey, new Uint8Array(0), purpose, 32)),
  )
})

test('[HS6] one secret key gives one peer id, static key and certificate', () => {
  const identity = new Identity(secretKey, cryptography)
  const again = new Identity(secretKey, cryptography)
  expect(again.peer).toBe(identity.peer)
  expect(parsePeerId(identity.peer)).toBe(identity.peer)
  expect(again.staticKeys).toEqual(identity.staticKeys)
  expect(again.certificate).toEqual(identity.certificate)
})

test('[HS7] a certificate holds for its own two keys only', () => {
  const identity = new Identity(secretKey, cryptography)
  const other = new Identity(new Uint8Array(32).fill(4), cryptography)
  const verifier = new CertificateVerifier(cryptography)
  const { publicKey, certificate } = identity
  const staticKey = identity.staticKeys.publicKey
  expect(verifier.verify(publicKey, staticKey, certificate)).toBe(true)
  expect(verifier.verify(other.publicKey, staticKey, certificate)).toBe(false)
  expect(verifier.verify(publicKey, other.staticKeys.publicKey, certificate)).toBe(false)
  expect(verifier.verify(publicKey, staticKey, other.certificate)).toBe(false)
  expect(verifier.verify(new Uint8Array(2), staticKey, new Uint8Array(1))).toBe(false)
})

test('a verified certificate is not verified again, until it is forgotten', () => {
  let verifications = 0
  const verifier = new CertificateVerifier({
    ...cryptography,
    ed25519Verify: () => (verifications += 1) > 0,
  })
  const certificate = new Uint8Array(64)
  const staticKeyOf = (index: number) => Uint8Array.of(index & 0xff, index >> 8)
  verifier.verify(secretKey, staticKeyOf(0), certificate)
  verifier.verify(secretKey, staticKeyOf(0), certificate)
  expect(verifications).toBe(1)
  for (let index = 1; index <= verifiedCertificatesMax; index += 1) {
    verifier.verify(secretKey, staticKeyOf(index), certificate)
  }
  verifier.verify(secretKey, staticKeyOf(0), certificate)
  expect(verifications).toBe(verifiedCertificatesMax + 2)
})

test('[HS3] [HS4] app and secret both change the pre-shared key; only app and salt the tag', () => {
  const secret = new Uint8Array(32).fill(5)
  const salt = new Uint8Array(16).fill(6)
  const keys = deriveJoinKeys('cafe', secret, cryptography)
  const otherApp = deriveJoinKeys('bar', secret, cryptography)
  const otherSecret = deriveJoinKeys('cafe', secretKey, cryptography)
  expect(deriveJoinKeys('cafe', secret, cryptography).presharedKey).toEqual(keys.presharedKey)
  expect(otherApp.presharedKey).not.toEqual(keys.presharedKey)
  expect(otherSecret.presharedKey).not.toEqual(keys.presharedKey)
  expect(otherSecret.appTag(salt)).toEqual(keys.appTag(salt))
  expect(otherApp.appTag(salt)).not.toEqual(keys.appTag(salt))
  expect(keys.appTag(new Uint8Array(16))).not.toEqual(keys.appTag(salt))
  expect(keys.appTag(salt)).toHaveLength(8)
})
