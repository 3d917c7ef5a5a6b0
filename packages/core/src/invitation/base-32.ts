/**
 * Base 32 (RFC 4648, section 6, without padding): the letters A to Z and the digits 2 to 7, five bits
 * each. One alphabet that QR codes hold in 5.5 bits a letter, and that survives whatever writes a text
 * in capitals or without.
 */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The text of the bytes; what is left of the last letter is zero. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let heldBits = 0
  for (const byte of bytes) {
    held = ((held & 0x1f) << 8) | byte
    heldBits += 8
    while (heldBits >= 5) {
      heldBits -= 5
      text += alphabet[(held >>> heldBits) & 0x1f]!
    }
  }
  return heldBits === 0 ? text : text + alphabet[(held << (5 - heldBits)) & 0x1f]!
}

/** The bytes of a text in either case; `undefined` when it is not what `encodeBase32` makes. */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8))
  let length = 0
  let held = 0
  let heldBits = 0
  for (const letter of text) {
    const value = alphabet.indexOf(letter.toUpperCase())
    if (value < 0) return undefined
    held = ((held & 0xff) << 5) | value
    heldBits += 5
    if (heldBits < 8) continue
    heldBits -= 8
    bytes[length] = (held >>> heldBits) & 0xff
    length += 1
  }
  // One form for each value: no letter too many, and nothing in the bits that are left.
  const isWhole = heldBits < 5 && (held & ((1 << heldBits) - 1)) === 0
  return isWhole ? bytes : undefined
}
