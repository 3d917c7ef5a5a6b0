/** Packet size classes: how large a packet a path takes without waste; one byte in routes (rule RO13). */

import type { ChannelCost } from '../../transport/channel.ts'

/**
 * Largest packet of each class, in bytes, header included. The largest one fits, with its seal, the
 * largest message of a channel (65,535), and leaves room for an acknowledgement beside it.
 */
export const packetBytesByClass = [1_200, 4_096, 16_384, 65_408] as const

/** Index into `packetBytesByClass`. */
export type SizeClass = 0 | 1 | 2 | 3

/**
 * By kind of link. Links fragment, so any takes any class, and urgent frames pass between fragments;
 * but a packet is handed on only when it is whole. So the largest takes about as long everywhere:
 * 16 ms at 4 MB/s on a local network, 16 ms at 1 MB/s elsewhere. On Bluetooth it takes 200 ms at
 * 20 kB/s, since of 1,200 bytes one in twenty would be a header's.
 */
const classByCost: Readonly<Record<ChannelCost['class'], SizeClass>> = {
  lan: 3,
  wan: 2,
  relay: 2,
  bluetooth: 1,
}

/** The class of a link. */
export function linkSizeClass(cost: ChannelCost): SizeClass {
  return classByCost[cost.class]
}

/** Narrows a byte of the wire; `undefined` beyond the known classes. */
export function sizeClassOf(byte: number): SizeClass | undefined {
  return byte <= 3 ? (byte as SizeClass) : undefined
}

/** The class of a path through both. */
export function smallerSizeClass(left: SizeClass, right: SizeClass): SizeClass {
  return left < right ? left : right
}
