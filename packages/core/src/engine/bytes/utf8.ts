/**
 * UTF-8 without host objects (RFC 3629): the engine runs where there is no `TextEncoder`.
 *
 * A lone surrogate is encoded as U+FFFD, as `TextEncoder` does; decoding is strict and refuses
 * overlong forms, surrogates and truncated sequences.
 */

/** The UTF-8 bytes of a string. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3)
  let length = 0
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      bytes[length++] = unit
      continue
    }
    const point = codePointAt(text, index)
    if (point > 0xffff) index += 1
    if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6)
    } else {
      if (point > 0xffff) {
        bytes[length++] = 0xf0 | (point >> 18)
        bytes[length++] = 0x80 | ((point >> 12) & 0x3f)
      } else {
        bytes[length++] = 0xe0 | (point >> 12)
      }
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f)
    }
    bytes[length++] = 0x80 | (point & 0x3f)
  }
  return bytes.slice(0, length)
}

/** The string of UTF-8 bytes, or `undefined` when they are malformed. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = ''
  const units: number[] = []
  let index = 0
  while (index < bytes.length) {
    const lead = bytes[index] ?? 0
    const length = sequenceLength(lead)
    if (length === 0 || index + length > bytes.length) return undefined
    let point = length === 1 ? lead : lead & (0xff >> (length + 1))
    for (let offset = 1; offset < length; offset += 1) {
      const next = bytes[index + offset] ?? 0
      if ((next & 0xc0) !== 0x80) return undefined
      point = (point << 6) | (next & 0x3f)
    }
    if (point < leastPoint[length]! || point > 0x10ffff) return undefined
    if (point >= 0xd800 && point <= 0xdfff) return undefined
    if (point > 0xffff) {
      units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff))
    } else {
      units.push(point)
    }
    if (units.length > 4096) {
      text += String.fromCharCode(...units)
      units.length = 0
    }
    index += length
  }
  return text + String.fromCharCode(...units)
}

/** The smallest code point that needs a sequence of that many bytes. */
const leastPoint = [0, 0, 0x80, 0x800, 0x10000]

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead < 0xc2) return 0
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf5 ? 4 : 0
}

function codePointAt(text: string, index: number): number {
  const point = text.codePointAt(index) ?? 0xfffd
  return point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
}
