/**
 * The order of keys, which is the same in every storage: that of IndexedDB for the kinds allowed.
 *
 * `encodeKey` turns a key into bytes whose order is the order of the keys, for storages that know
 * only bytes. An encoding is the encodings of the parts one after the other, and a part begins with
 * a byte below `partsEnd`; so the keys with a prefix are those from the encoding of the prefix up
 * to the same followed by `partsEnd`.
 */

import { assert } from '../engine/assert.ts'
import { compareBytes } from '../engine/bytes/compare.ts'
import type { StorageKey, StorageKeyPart } from './storage.ts'

/** The most parts of a key. */
export const keyPartsMax = 8

/** Negative, zero or positive, as the left key comes before, is or comes after the right one. */
export function compareKeys(left: StorageKey, right: StorageKey): number {
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index += 1) {
    const difference = compareParts(left[index]!, right[index]!)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** A key begins with all parts of a prefix; each has the empty prefix and itself. */
export function hasPrefix(key: StorageKey, prefix: StorageKey): boolean {
  if (key.length < prefix.length) return false
  return prefix.every((part, index) => compareParts(key[index]!, part) === 0)
}

function compareParts(left: StorageKeyPart, right: StorageKeyPart): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  // The language compares strings by UTF-16 code unit.
  if (typeof left === 'string' && typeof right === 'string') {
    return left < right ? -1 : Number(left > right)
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right)
  return kindOf(left) - kindOf(right)
}

function kindOf(part: StorageKeyPart): number {
  if (typeof part === 'number') return 0
  return typeof part === 'string' ? 1 : 2
}

/**
 * First bytes of parts. A number's tells how many bytes follow, big-endian and without leading
 * zeros; text and bytes run up to a zero byte, and a zero within is followed by `zeroEscape`.
 */
const numberTag = 0x10
const textTag = 0x20
const bytesTag = 0x30

/** Comes after every first byte of a part, and before `zeroEscape`. */
const partsEnd = 0x40
const zeroEscape = 0xff

/** Bytes whose octet-by-octet order is the order of keys. */
export function encodeKey(key: StorageKey): Uint8Array {
  const bytes: number[] = []
  for (const part of key) {
    if (typeof part === 'number') putNumber(bytes, part)
    else if (typeof part === 'string') putText(bytes, part)
    else putBytes(bytes, part)
  }
  return Uint8Array.from(bytes)
}

/** The first bytes after all keys that begin with a prefix. */
export function encodePrefixEnd(prefix: StorageKey): Uint8Array {
  const start = encodeKey(prefix)
  const end = new Uint8Array(start.length + 1)
  end.set(start)
  end[start.length] = partsEnd
  return end
}

/** The key of an encoding made by `encodeKey`, or `undefined` when the bytes are none. */
export function decodeKey(bytes: Uint8Array): StorageKey | undefined {
  const key: StorageKeyPart[] = []
  let offset = 0
  while (offset < bytes.length) {
    const tag = bytes[offset++]!
    if (tag >= numberTag && tag <= numberTag + 7) {
      const end = offset + tag - numberTag
      if (end > bytes.length) return undefined
      let value = 0
      for (; offset < end; offset += 1) value = value * 0x100 + bytes[offset]!
      key.push(value)
    } else if (tag === textTag || tag === bytesTag) {
      const run: number[] = []
      for (;;) {
        const byte = bytes[offset++]
        if (byte === undefined) return undefined
        if (byte !== 0) run.push(byte)
        else if (bytes[offset] !== zeroEscape) break
        else {
          run.push(0)
          offset += 1
        }
      }
      key.push(tag === textTag ? textOf(run) : Uint8Array.from(run))
    } else {
      return undefined
    }
  }
  return key
}

/** Stops on a key that is not one: 1 to 8 parts of the kinds allowed. */
export function assertKey(key: StorageKey): void {
  assert(key.length > 0, 'a key has at least one part')
  assertPrefix(key)
}

/** Stops on a prefix that no key could have. */
export function assertPrefix(prefix: StorageKey): void {
  assert(prefix.length <= keyPartsMax, `a key has at most ${keyPartsMax} parts`)
  for (const part of prefix) {
    if (typeof part !== 'number') continue
    assert(Number.isSafeInteger(part) && part >= 0, 'numbers in keys are integers from 0 to 2^53-1')
  }
}

function putNumber(bytes: number[], value: number): void {
  const start = bytes.length
  for (let rest = value; rest > 0; rest = Math.floor(rest / 0x100)) bytes.push(rest % 0x100)
  bytes.push(numberTag + bytes.length - start)
  for (let left = start, right = bytes.length - 1; left < right; left += 1, right -= 1) {
    const byte = bytes[left]!
    bytes[left] = bytes[right]!
    bytes[right] = byte
  }
}

/**
 * Each UTF-16 code unit by itself as UTF-8 would write it (CESU-8, and any lone surrogate): the
 * order of the bytes is then the order of the code units.
 */
function putText(bytes: number[], text: string): void {
  bytes.push(textTag)
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit === 0) bytes.push(0, zeroEscape)
    else if (unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  bytes.push(0)
}

function putBytes(bytes: number[], part: Uint8Array): void {
  bytes.push(bytesTag)
  for (const byte of part) {
    bytes.push(byte)
    if (byte === 0) bytes.push(zeroEscape)
  }
  bytes.push(0)
}

function textOf(run: readonly number[]): string {
  const low = (index: number): number => (run[index] ?? 0) & 0x3f
  let text = ''
  let index = 0
  while (index < run.length) {
    const lead = run[index]!
    if (lead < 0x80) {
      text += String.fromCharCode(lead)
      index += 1
    } else if (lead < 0xe0) {
      text += String.fromCharCode(((lead & 0x1f) << 6) | low(index + 1))
      index += 2
    } else {
      text += String.fromCharCode(((lead & 0x0f) << 12) | (low(index + 1) << 6) | low(index + 2))
      index += 3
    }
  }
  return text
}
