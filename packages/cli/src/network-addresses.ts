/** The addresses by which other devices reach this machine. */

import { networkInterfaces } from 'node:os'

/** IPv4 addresses of the interfaces that are not the loopback, in the order of the system. */
export function networkAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
