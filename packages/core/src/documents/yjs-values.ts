/** Skipping over the values inside Yjs updates, with all checks that keep Yjs from throwing. */

import type { ByteReader } from '../engine/bytes/reader.ts'
import { decodeUtf8 } from '../engine/bytes/utf8.ts'

/** Objects and lists within each other in one value of an update; deeper ones are malformed. */
export const nestingMax = 64

/** Skips a text; its length in UTF-16 code units, 0 (and a failed reader) when malformed. */
export function skipText(reader: ByteReader): number {
  return measureText(reader, reader.bytes(reader.remaining))
}

/** Skips a text that must be JSON; `or-undefined` admits the word that Yjs writes for undefined. */
export function skipJson(reader: ByteReader, form: 'value' | 'or-undefined'): void {
  const text = decodeUtf8(reader.bytes(reader.remaining))
  if (text === undefined || reader.failed) return reader.fail()
  if (form === 'or-undefined' && text === 'undefined') return
  if (!isShallowJson(text)) reader.fail()
}

/** Skips an object in the "any" encoding; any other value is malformed. */
export function skipAnyObject(reader: ByteReader): void {
  if (reader.u8() === 118) skipAnyList(reader, 0, true)
  else reader.fail()
}

/** Skips a value in the "any" encoding of lib0. */
export function skipAny(reader: ByteReader, depth: number): void {
  if (depth > nestingMax) return reader.fail()
  switch (reader.u8()) {
    case 127: // undefined
    case 126: // null
    case 121: // false
    case 120: // true
      return
    case 125:
      return skipInteger(reader)
    case 124:
      reader.raw(4)
      return
    case 123: // 64-bit float
    case 122: // 64-bit integer
      reader.raw(8)
      return
    case 119:
      skipText(reader)
      return
    case 118:
      return skipAnyList(reader, depth, true)
    case 117:
      return skipAnyList(reader, depth, false)
    case 116:
      reader.bytes(reader.remaining)
      return
    default:
      reader.fail()
  }
}

function skipAnyList(reader: ByteReader, depth: number, keyed: boolean): void {
  const count = reader.varint(reader.remaining)
  for (let index = 0; index < count && !reader.failed; index += 1) {
    if (keyed) skipText(reader)
    skipAny(reader, depth + 1)
  }
}

/** A signed integer: six bits, then seven a byte; at most 53 bits in all. */
function skipInteger(reader: ByteReader): void {
  let byte = reader.u8()
  for (let count = 1; (byte & 0x80) !== 0 && !reader.failed; count += 1) {
    if (count === 8) reader.fail()
    byte = reader.u8()
  }
}

/** Checks UTF-8 as strictly as a fatal `TextDecoder` (RFC 3629) and counts UTF-16 code units. */
function measureText(reader: ByteReader, bytes: Uint8Array): number {
  let units = 0
  let offset = 0
  while (offset < bytes.length) {
    const length = characterLength(bytes, offset)
    if (length === 0) {
      reader.fail()
      return 0
    }
    units += length === 4 ? 2 : 1
    offset += length
  }
  return units
}

/** Bytes of the character at `offset`, 0 when it is malformed. */
function characterLength(bytes: Uint8Array, offset: number): number {
  const lead = bytes[offset]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (offset + length > bytes.length) return 0
  for (let index = 1; index < length; index += 1) {
    if ((bytes[offset + index]! & 0xc0) !== 0x80) return 0
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF show in the second byte.
  const second = bytes[offset + 1]!
  if (lead === 0xe0 && second < 0xa0) return 0
  if (lead === 0xed && second >= 0xa0) return 0
  if (lead === 0xf0 && second < 0x90) return 0
  return lead === 0xf4 && second >= 0x90 ? 0 : length
}

function isShallowJson(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]
    if (quoted) {
      if (character === '\\') index += 1
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth -= 1
    if (depth > nestingMax) return false
  }
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
