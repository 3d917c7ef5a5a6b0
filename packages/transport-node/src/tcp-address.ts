/** Addresses of the TCP transport: `tcp://HOST:PORT`, an IPv6 host in brackets. */

import { formatSocketAddress, parseSocketAddress } from './socket-address.ts'
import type { SocketAddress } from './socket-address.ts'

export type TcpAddress = SocketAddress

/** The parts of an address, or undefined when it is none. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  return parseSocketAddress('tcp', text)
}

/** The text of an address. */
export function formatTcpAddress(address: TcpAddress): string {
  return formatSocketAddress('tcp', address)
}
