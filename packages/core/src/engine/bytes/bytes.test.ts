import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { compareBytes, concatBytes, equalBytes } from './compare.ts'
import { decodeHex, encodeHex } from './hex.ts'
import { ByteReader } from './reader.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'
import { ByteWriter } from './writer.ts'

const anyBytes = fc.uint8Array({ maxLength: 300 })
const anyText = fc.string({ unit: 'binary', maxLength: 100 })

type Field =
  | { readonly type: 'u8' | 'u16' | 'u32' | 'varint'; readonly value: number }
  | { readonly type: 'raw' | 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'text'; readonly value: string }

const anyField: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ type: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constantFrom('raw' as const, 'bytes' as const), value: anyBytes }),
  fc.record({ type: fc.constant('text' as const), value: anyText }),
)

function write(writer: ByteWriter, field: Field): void {
  switch (field.type) {
    case 'raw':
      writer.raw(field.value)
      break
    case 'bytes':
      writer.bytes(field.value)
      break
    case 'text':
      writer.text(field.value)
      break
    default:
      writer[field.type](field.value)
  }
}

function read(reader: ByteReader, field: Field): number | string | Uint8Array {
  switch (field.type) {
    case 'raw':
      return reader.raw(field.value.length)
    case 'bytes':
      return reader.bytes(300)
    case 'text':
      return reader.text(600)
    default:
      return reader[field.type]()
  }
}

describe('[FR1] fields', () => {
  test('are read as they were written, and nothing is left', () => {
    fc.assert(
      fc.property(fc.array(anyField), (fields) => {
        const writer = new ByteWriter(1)
        for (const field of fields) write(writer, field)
        const written = writer.finish()
        expect(written).toHaveLength(writer.length)
        const reader = new ByteReader(written)
        for (const field of fields) expect(read(reader, field)).toEqual(field.value)
        expect(reader.finished).toBe(true)
      }),
    )
  })

  test('of any bytes never throw, and nothing is read after a failure', () => {
    fc.assert(
      fc.property(anyBytes, fc.array(anyField), (bytes, fields) => {
        const reader = new ByteReader(bytes)
        for (const field of fields) {
          const failedBefore = reader.failed
          const remaining = reader.remaining
          const value = read(reader, field)
          expect(reader.remaining).toBeLessThanOrEqual(remaining)
          if (!failedBefore) continue
          expect(reader.remaining).toBe(remaining)
          expect(typeof value === 'number' ? value : value.length).toBe(0)
        }
      }),
    )
  })

  test.each([
    ['a byte that is not there', '', (reader: ByteReader) => reader.u8()],
    ['a padded varint', '8000', (reader: ByteReader) => reader.varint()],
    ['a varint beyond its bound', '0b', (reader: ByteReader) => reader.varint(10)],
    ['a varint of nine bytes', '808080808080808001', (reader: ByteReader) => reader.varint()],
    ['a varint beyond 2^53 - 1', 'ffffffffffffff7f', (reader: ByteReader) => reader.varint()],
    ['bytes longer than their bound', '0201ff', (reader: ByteReader) => reader.bytes(1)],
    ['bytes cut short', '0201', (reader: ByteReader) => reader.bytes(5)],
    ['text that is not UTF-8', '02c080', (reader: ByteReader) => reader.text(5)],
  ])('%s is a failure that sticks', (_name, hex, readField) => {
    const reader = new ByteReader(decodeHex(hex)!)
    readField(reader)
    expect(reader.failed).toBe(true)
    expect(reader.finished).toBe(false)
    expect(reader.u8()).toBe(0)
  })
})

describe('UTF-8', () => {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  test('is encoded as TextEncoder does, lone surrogates included', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat(0xffff).map((u) => String.fromCharCode(u)) }),
        (text) => {
          expect(encodeUtf8(text)).toEqual(encoder.encode(text))
        },
      ),
    )
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text)
      }),
    )
  })

  test('is decoded, or refused, as a strict TextDecoder does', () => {
    const nearUtf8 = fc
      .tuple(anyText, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }))
      .map(([text, changes]) => {
        const bytes = encodeUtf8(text)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(anyBytes, nearUtf8), (bytes) => {
        let expected: string | undefined
        try {
          expected = decoder.decode(bytes)
        } catch {
          expected = undefined
        }
        expect(decodeUtf8(bytes)).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })

  test('of more than one chunk of characters is whole', () => {
    const text = 'ü🙂'.repeat(5000)
    expect(decodeUtf8(encodeUtf8(text))).toBe(text)
  })
})

test('hexadecimal round-trips, and anything else is refused', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      expect(decodeHex(encodeHex(bytes))).toEqual(bytes)
    }),
  )
  expect(decodeHex('0')).toBe(undefined)
  expect(decodeHex('0g')).toBe(undefined)
  expect(decodeHex('AB')).toEqual(Uint8Array.of(0xab))
})

test('byte strings are ordered as their hexadecimal is', () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (left, right) => {
      const [leftHex, rightHex] = [encodeHex(left), encodeHex(right)]
      expect(Math.sign(compareBytes(left, right))).toBe(
        leftHex < rightHex ? -1 : Number(leftHex > rightHex),
      )
      expect(equalBytes(left, right)).toBe(leftHex === rightHex)
      expect(encodeHex(concatBytes(left, right))).toBe(leftHex + rightHex)
    }),
  )
})
