/** Addresses of the UDP transport: `udp://HOST:PORT`, an IPv6 host in brackets. */

import { formatSocketAddress, parseSocketAddress } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'

export type UdpAddress = SocketAddress

/** The parts of an address, or undefined when it is none. */
export function parseUdpAddress(text: string): UdpAddress | undefined {
  return parseSocketAddress('udp', text)
}

/** The text of an address. */
export function formatUdpAddress(address: UdpAddress): string {
  return formatSocketAddress('udp', address)
}
