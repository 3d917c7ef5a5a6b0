/** The addresses of this machine's network interfaces, and word when they come and go. */

import { networkInterfaces } from 'node:os'
import type { HostClock } from './host-clock.ts'

/** One address of one interface. */
export interface InterfaceAddress {
  /** `eth0`, `awdl0`. */
  readonly interfaceName: string
  /** As sockets take it: a link-local IPv6 address has its zone. */
  readonly host: string
  readonly family: 4 | 6
  /** The loopback. */
  readonly isInternal: boolean
}

/**
 * How often is looked whether interfaces have come or gone: Node has no event for it. A person who
 * joins a network does not wait noticeably longer, and one look takes some 20 µs.
 */
const pollMs = 2_000

/** Addresses looked at, the first ones. Machines that run containers have some hundred. */
const interfaceAddressesMax = 256

/** What the system has now, in its order. */
export function readInterfaceAddresses(): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces())
    .flatMap(([interfaceName, addresses = []]) =>
      addresses.map((entry): InterfaceAddress => {
        const isIpv6 = entry.family === 'IPv6'
        const isScoped = isIpv6 && /^fe[89ab]/i.test(entry.address)
        // Windows knows zones by number only.
        const zone = process.platform === 'win32' ? entry.scopeid : interfaceName
        return {
          interfaceName,
          host: isScoped ? `${entry.address}%${zone}` : entry.address,
          family: isIpv6 ? 6 : 4,
          isInternal: entry.internal,
        }
      }),
    )
    .slice(0, interfaceAddressesMax)
}

export interface InterfaceWatchOptions {
  readonly clock: HostClock
  readonly read: () => readonly InterfaceAddress[]
  /** What there is, after each look. */
  readonly seen: (addresses: readonly InterfaceAddress[]) => void
}

/** Looks at the interfaces again and again until it is stopped. */
export class InterfaceWatch {
  readonly #options: InterfaceWatchOptions
  #cancel: () => void = () => undefined

  /** Looks for the first time before it returns. */
  constructor(options: InterfaceWatchOptions) {
    this.#options = options
    this.#look()
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const { clock, read, seen } = this.#options
    this.#cancel = clock.after(pollMs, () => {
      this.#look()
    })
    seen(read())
  }
}
