import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { concatBytes } from '../engine/bytes/compare.ts'
import { decodeHex, encodeHex } from '../engine/bytes/hex.ts'
import { nobleCryptography as noble } from '../engine/crypto/noble.ts'
import { loadSodiumCipher, withSodiumCipher } from './sodium-cipher.ts'

const sodium = (await loadSodiumCipher())!

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 })
const additional = fc.uint8Array({ maxLength: 256 })

/** The longest text that the module takes. */
const textBytesMax = 65_552

test('seals the example of RFC 8439, section 2.8.2, and opens it', () => {
  const text = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      'sunscreen would be it.',
  )
  const secret = Uint8Array.from({ length: 32 }, (_, index) => 0x80 + index)
  const once = decodeHex('070000004041424344454647')!
  const header = decodeHex('50515253c0c1c2c3c4c5c6c7')!
  const [ciphertext, tag] = sodium.seal(secret, once, header, text)
  expect(encodeHex(ciphertext.subarray(0, 16))).toBe('d31a8d34648e60db7b86afbc53ef7ec2')
  expect(encodeHex(tag)).toBe('1ae10b594f09e26a7e902ecbd0600691')
  expect(sodium.open(secret, once, header, concatBytes(ciphertext, tag))).toEqual(text)
})

test('seals as the cipher in plain JavaScript does, and opens nothing that was changed', () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(1_199, 16_384, textBytesMax).map((length) => new Uint8Array(length).fill(7)),
  )
  fc.assert(
    fc.property(key, nonce, additional, text, fc.nat(), (secret, once, header, plain, place) => {
      const sealed = concatBytes(...sodium.seal(secret, once, header, plain))
      expect(sealed).toEqual(concatBytes(...noble.seal(secret, once, header, plain)))
      expect(sodium.open(secret, once, header, sealed)).toEqual(plain)
      sealed[place % sealed.length]! ^= 1
      expect(sodium.open(secret, once, header, sealed)).toBe(undefined)
      expect(sodium.open(secret, once, header, sealed.subarray(0, 15))).toBe(undefined)
    }),
    { numRuns: 60 },
  )
})

test('what it gives is not overwritten by what follows', () => {
  const [secret, once, none] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(0)]
  const first = sodium.seal(secret, once, none, new Uint8Array(40))
  const before = first.map((part) => part.slice())
  const opened = sodium.open(secret, once, none, concatBytes(...first))!
  sodium.seal(secret, once, none, new Uint8Array(40).fill(9))
  expect(first).toEqual(before)
  expect(opened).toEqual(new Uint8Array(40))
})

test('longer texts, and more additional data, than the module takes are for the other cipher', () => {
  const both = withSodiumCipher(noble, 100)
  const [secret, once] = [new Uint8Array(32).fill(1), new Uint8Array(12)]
  for (const textBytes of [0, 100, 101, textBytesMax + 1]) {
    for (const headerBytes of [0, 256, 257, 5_000]) {
      const [text, header] = [new Uint8Array(textBytes), new Uint8Array(headerBytes)]
      const sealed = both.seal(secret, once, header, text)
      expect(sealed).toEqual(noble.seal(secret, once, header, text))
      expect(both.open(secret, once, header, concatBytes(...sealed))).toEqual(text)
    }
  }
})
