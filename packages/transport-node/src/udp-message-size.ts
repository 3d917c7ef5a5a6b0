/**
 * How long messages of a UDP channel may be (rule UD8 of docs/specs/udp.md): one datagram each, no
 * longer than one packet of the interface it leaves by.
 */

import { messageHeaderBytes } from './udp-datagram.ts'

/** Headers of IPv6 and UDP, in bytes; those of IPv4 are shorter. */
const ipHeaderBytes = 48
/** MTU of Ethernet and Wi-Fi, taken where the system does not say. */
const usualMtuBytes = 1500
/** The smallest that IPv6 allows. */
const mtuBytesMin = 1280
/** Jumbo frames: beyond, a packet costs too much when it is lost. The loopback has 64 KiB. */
const mtuBytesMax = 9000

/** The longest message for an interface of that MTU; undefined where that is not known. */
export function messageBytesOfMtu(mtuBytes: number = usualMtuBytes): number {
  const bounded = Math.min(Math.max(mtuBytes, mtuBytesMin), mtuBytesMax)
  return bounded - ipHeaderBytes - messageHeaderBytes
}

/** The longest message of any channel: whatever is longer breaks the rules of its channel. */
export const messageBytesMax = mtuBytesMax - ipHeaderBytes - messageHeaderBytes
