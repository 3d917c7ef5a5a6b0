/**
 * Packet numbers on the wire: the low 1 to 4 bytes of a counter that is never reused (RFC 9000,
 * section 17.1 and appendix A; rules CN8 and CN9).
 */

/** A connection gets new numbers before its counter leaves the exact integers of JavaScript. */
export const packetNumberMax = 2 ** 48

/**
 * Packets that may overtake one and leave its number readable. The mesh sends higher priorities
 * first, so a packet of bulk data can wait while hundreds pass it.
 */
export const overtakingPacketsMax = 8192

/**
 * Bytes that tell `packetNumber` from all others the receiver may take it for: enough for twice the
 * distance to `largestAcknowledged` (-1 for none) and to those that overtake it; 2 to 4.
 */
export function packetNumberBytes(packetNumber: number, largestAcknowledged: number): number {
  const reach = (packetNumber - largestAcknowledged + overtakingPacketsMax) * 2
  if (reach < 0x1_0000) return 2
  return reach < 0x100_0000 ? 3 : 4
}

/** The number nearest to the one expected next whose low `bytes` bytes are `truncated`. */
export function expandPacketNumber(
  truncated: number,
  bytes: number,
  largestReceived: number,
): number {
  const expected = largestReceived + 1
  const span = 2 ** (8 * bytes)
  const candidate = expected - (expected % span) + truncated
  if (candidate <= expected - span / 2) return candidate + span
  if (candidate > expected + span / 2 && candidate >= span) return candidate - span
  return candidate
}
