/** CRC-32 as of Ethernet, gzip and PNG (ISO 3309): finds damage, proves nothing. */

const polynomial = 0xedb8_8320

/** The checksum of the bytes, 0 to 2^32 - 1. Bit by bit: its inputs are a few hundred bytes. */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffff_ffff
  for (const byte of bytes) {
    remainder ^= byte
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = (remainder >>> 1) ^ ((remainder & 1) === 1 ? polynomial : 0)
    }
  }
  return (remainder ^ 0xffff_ffff) >>> 0
}
