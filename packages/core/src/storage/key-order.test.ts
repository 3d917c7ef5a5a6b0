import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes } from '../engine/bytes/compare.ts'
import {
  assertKey,
  assertPrefix,
  compareKeys,
  decodeKey,
  encodeKey,
  encodePrefixEnd,
  hasPrefix,
  keyPartsMax,
} from './key-order.ts'
import type { StorageKey } from './storage.ts'

/** Few different values, so that equal parts and prefixes are common, and all edges. */
const text = fc.oneof(
  fc.constantFrom('', '\0', 'a', 'a\0', 'a\0b', 'b', '\u007f', '\u0080', '\u07ff', '\u0800'),
  fc.constantFrom('\ud800', '\udc00', '\ue000', '\uffff', '\u{10000}'),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const bytes = fc.oneof(
  fc.constantFrom([], [0], [0, 0], [0, 255], [1], [255]).map((octets) => Uint8Array.from(octets)),
  fc.uint8Array({ maxLength: 4 }),
)
const number = fc.oneof(
  fc.constantFrom(0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)
const part = fc.oneof(number, text, bytes)
const key: fc.Arbitrary<StorageKey> = fc.array(part, { minLength: 1, maxLength: 4 })

test('[KV1] numbers come before text, text before bytes, a prefix before what it begins', () => {
  const sorted: StorageKey[] = [
    [0],
    [0, 0],
    [0, ''],
    [1],
    [255],
    [256],
    [Number.MAX_SAFE_INTEGER],
    [''],
    ['', 0],
    ['', 'a'],
    ['\0'],
    ['a'],
    ['a', 'b'],
    ['a\0'],
    ['a\0', 'b'],
    ['aa'],
    ['z'],
    ['\u{10000}'],
    ['\ue000'],
    [new Uint8Array([])],
    [new Uint8Array([]), 0],
    [new Uint8Array([0])],
    [new Uint8Array([0, 0])],
    [new Uint8Array([1])],
    [new Uint8Array([255])],
  ]
  for (const [index, left] of sorted.entries()) {
    for (const [otherIndex, right] of sorted.entries()) {
      expect(Math.sign(compareKeys(left, right))).toBe(Math.sign(index - otherIndex))
    }
  }
})

test('[KV2] the order of encodings is the order of keys', () => {
  fc.assert(
    fc.property(key, key, (left, right) => {
      const ofKeys = Math.sign(compareKeys(left, right))
      expect(Math.sign(compareBytes(encodeKey(left), encodeKey(right)))).toBe(ofKeys)
    }),
    { numRuns: 5_000 },
  )
})

test('[KV2] decode(encode(key)) is the key', () => {
  fc.assert(
    fc.property(key, (key) => {
      expect(decodeKey(encodeKey(key))).toEqual(key)
    }),
    { numRuns: 1_000 },
  )
})

test('[KV2] the keys with a prefix are those from its encoding up to its end', () => {
  const prefix = fc.array(part, { maxLength: 2 })
  fc.assert(
    fc.property(prefix, key, fc.boolean(), (prefix, key, extend) => {
      const candidate = extend ? [...prefix, ...key] : key
      const encoded = encodeKey(candidate)
      const within =
        compareBytes(encoded, encodeKey(prefix)) >= 0 &&
        compareBytes(encoded, encodePrefixEnd(prefix)) < 0
      expect(hasPrefix(candidate, prefix)).toBe(within)
    }),
    { numRuns: 5_000 },
  )
})

test('decoding any bytes never throws, and gives a key or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const decoded = decodeKey(bytes)
      expect(decoded === undefined || decoded.length <= bytes.length).toBe(true)
    }),
  )
  expect(decodeKey(Uint8Array.of(0x12, 1))).toBeUndefined()
  expect(decodeKey(Uint8Array.of(0x20, 0x61))).toBeUndefined()
  expect(decodeKey(Uint8Array.of(0x99))).toBeUndefined()
})

test('[KV1] what is no key is refused', () => {
  expect(() => assertKey([])).toThrow(/at least one part/)
  expect(() => assertKey(Array.from({ length: keyPartsMax + 1 }, () => 0))).toThrow(/at most 8/)
  for (const part of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
    expect(() => assertPrefix([part])).toThrow(/integers/)
  }
  assertPrefix([])
  assertKey([0, '', new Uint8Array()])
})
