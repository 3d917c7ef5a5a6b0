/** Bytes of which each has a value of its place, so that none can be lost, doubled or moved unseen. */

/** Those from a place on. */
export function placedBytes(place: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index += 1) bytes[index] = byteAt(place + index)
  return bytes
}

/** Throws unless they are exactly those from that place on. */
export function checkPlacedBytes(bytes: Uint8Array, place: number): void {
  for (const [index, byte] of bytes.entries()) {
    if (byte !== byteAt(place + index)) {
      throw new Error(`byte ${place + index} is not the one that was sent`)
    }
  }
}

/** Of the bits of a product, so that no stretch is like a later one. */
function byteAt(place: number): number {
  return (Math.imul(place + 1, 0x9e3779b1) >>> 16) & 0xff
}
