/** Packet size classes: how large a packet a path takes without waste; one byte in routes (rule RT9). */

/** Largest packet of each class, in bytes, header included. */
export const packetBytesByClass = [1_200, 4_096, 16_384, 65_536] as const

/** Index into `packetBytesByClass`. */
export type SizeClass = 0 | 1 | 2 | 3

/** Links fragment per hop, so any link takes 16 KiB; larger packets would only hurt interleaving. */
export const linkSizeClass: SizeClass = 2

/** Narrows a byte of the wire; `undefined` beyond the known classes. */
export function sizeClassOf(byte: number): SizeClass | undefined {
  return byte <= 3 ? (byte as SizeClass) : undefined
}

/** The class of a path through both. */
export function smallerSizeClass(left: SizeClass, right: SizeClass): SizeClass {
  return left < right ? left : right
}
