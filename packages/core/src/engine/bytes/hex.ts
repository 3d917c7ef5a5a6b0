/** Lower-case hexadecimal: how ids and keys are written for people and used as map keys. */

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Two lower-case digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += digits[byte]!
  return text
}

/** The value of each digit, by its character code; 255 for what is none. */
const values = new Uint8Array(128).fill(255)
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16)
  values[digit.charCodeAt(0)] = value
  values[digit.toUpperCase().charCodeAt(0)] = value
}

/** The bytes of lower- or upper-case hexadecimal, or `undefined` when it is not that. */
export function decodeHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let index = 0; index < bytes.length; index += 1) {
    const high = values[text.charCodeAt(2 * index)] ?? 255
    const low = values[text.charCodeAt(2 * index + 1)] ?? 255
    if (high > 15 || low > 15) return undefined
    bytes[index] = (high << 4) | low
  }
  return bytes
}
