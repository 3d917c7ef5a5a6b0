import { ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { concatBytes } from '../engine/bytes/compare.ts'
import { decodeHex } from '../engine/bytes/hex.ts'
import type { Cryptography } from '../engine/crypto/cryptography.ts'
import { nobleCryptography } from '../engine/crypto/noble.ts'
import { nodeCryptography as node } from './node-cryptography.ts'

const noble = nobleCryptography

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 })
const message = fc.uint8Array({ maxLength: 300 })
const runs = { numRuns: 20 }

function bytes(hex: string): Uint8Array {
  return decodeHex(hex)!
}

describe.each([
  ['noble', noble],
  ['node', node],
] as const)('%s cryptography against published vectors', (_name, cryptography: Cryptography) => {
  test('X25519 gives the shared secret of RFC 7748, section 6.1', () => {
    const alice = bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a')
    const bobPublic = bytes('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    expect(cryptography.x25519PublicKey(alice)).toEqual(
      bytes('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
    )
    expect(cryptography.x25519SharedSecret(alice, bobPublic)).toEqual(
      bytes('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742'),
    )
  })

  test('an all-zero shared secret is none', () => {
    expect(cryptography.x25519SharedSecret(new Uint8Array(32).fill(7), new Uint8Array(32))).toBe(
      undefined,
    )
  })

  test('Ed25519 signs and verifies test 2 of RFC 8032, section 7.1', () => {
    const secretKey = bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
    const publicKey = bytes('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')
    const signature = bytes(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
    expect(cryptography.ed25519PublicKey(secretKey)).toEqual(publicKey)
    expect(cryptography.ed25519Sign(bytes('72'), secretKey)).toEqual(signature)
    expect(cryptography.ed25519Verify(signature, bytes('72'), publicKey)).toBe(true)
    expect(cryptography.ed25519Verify(signature, bytes('73'), publicKey)).toBe(false)
  })

  test('malformed signatures and keys are false, not an exception', () => {
    const identityPoint = bytes('01'.padEnd(64, '0'))
    const notCanonical = bytes(`ee${'ff'.repeat(30)}7f`)
    // With the identity as key, R = identity and S = 0 satisfy the bare equation for any message.
    const forged = bytes('01'.padEnd(128, '0'))
    const smallOrder = ED25519_TORSION_SUBGROUP.map(bytes)
    for (const publicKey of [...smallOrder, notCanonical, new Uint8Array(5)]) {
      expect(cryptography.ed25519Verify(forged, bytes('72'), publicKey)).toBe(false)
    }
    expect(cryptography.ed25519Verify(new Uint8Array(3), bytes('72'), identityPoint)).toBe(false)
  })

  test('HMAC-SHA-256 gives test case 6 of RFC 4231, whose key is longer than a block', () => {
    const text = new TextEncoder().encode('Test Using Larger Than Block-Size Key - Hash Key First')
    expect(cryptography.hmacSha256(new Uint8Array(131).fill(0xaa), text)).toEqual(
      bytes('60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'),
    )
  })

  test('HMAC-SHA-256 gives test case 2 of RFC 4231', () => {
    expect(
      cryptography.hmacSha256(
        bytes('4a656665'),
        bytes('7768617420646f2079612077616e7420666f72206e6f7468696e673f'),
      ),
    ).toEqual(bytes('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'))
  })
})

describe('both implementations give identical results', () => {
  test('for keys, shared secrets and signatures', () => {
    fc.assert(
      fc.property(key, key, message, (left, right, text) => {
        const leftPublic = noble.x25519PublicKey(left)
        expect(node.x25519PublicKey(left)).toEqual(leftPublic)
        const shared = noble.x25519SharedSecret(right, leftPublic)
        expect(node.x25519SharedSecret(right, leftPublic)).toEqual(shared)
        const signature = noble.ed25519Sign(text, left)
        expect(node.ed25519Sign(text, left)).toEqual(signature)
        const publicKey = noble.ed25519PublicKey(left)
        expect(node.ed25519PublicKey(left)).toEqual(publicKey)
        for (const cryptography of [noble, node]) {
          expect(cryptography.ed25519Verify(signature, text, publicKey)).toBe(true)
        }
      }),
      runs,
    )
  })

  test('for hashes, and each opens what the other sealed', () => {
    fc.assert(
      fc.property(key, nonce, message, message, (secret, once, additional, plaintext) => {
        expect(node.sha256(plaintext)).toEqual(noble.sha256(plaintext))
        expect(node.hmacSha256(secret, plaintext)).toEqual(noble.hmacSha256(secret, plaintext))
        const parts = noble.seal(secret, once, additional, plaintext)
        expect(parts.map((part) => part.length)).toEqual([plaintext.length, 16])
        expect(node.seal(secret, once, additional, plaintext)).toEqual(parts)
        const sealed = concatBytes(...parts)
        for (const cryptography of [noble, node]) {
          expect(cryptography.open(secret, once, additional, sealed)).toEqual(plaintext)
          const bent = sealed.slice()
          bent[bent.length - 1]! ^= 1
          expect(cryptography.open(secret, once, additional, bent)).toBe(undefined)
          expect(cryptography.open(secret, once, additional, sealed.subarray(0, 15))).toBe(
            undefined,
          )
        }
      }),
      runs,
    )
  })

  test('more keys than the cache holds are still right', () => {
    for (let index = 0; index < 300; index += 1) {
      const secret = new Uint8Array(32)
      secret[0] = index & 0xff
      secret[1] = index >> 8
      expect(node.x25519PublicKey(secret)).toHaveLength(32)
    }
    const secret = new Uint8Array(32)
    expect(node.x25519PublicKey(secret)).toEqual(noble.x25519PublicKey(secret))
  })
})
