/** The addresses of this machine's network interfaces, and word when they come and go. */

import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { HostClock } from './host-clock.ts'
import { interfaceKindOf, readInterfaceFacts } from './interface-kind.ts'
import type { InterfaceKind } from './interface-kind.ts'

/** One address of one interface. */
export interface InterfaceAddress {
  /** `eth0`, `awdl0`. */
  readonly interfaceName: string
  readonly kind: InterfaceKind
  /** As sockets take it: a link-local IPv6 address has its zone. */
  readonly host: string
  readonly family: 4 | 6
  /** Leading bits that all addresses of its network have. */
  readonly prefixBits: number
  /** The loopback. */
  readonly isInternal: boolean
}

/** An interface with what it has. */
export interface NetworkInterface {
  readonly name: string
  /** At least one. */
  readonly addresses: readonly InterfaceAddress[]
}

/**
 * How often is looked whether interfaces have come or gone: Node has no event for it. A person who
 * joins a network does not wait noticeably longer, and one look costs little.
 */
const pollMs = 2_000

/** Addresses looked at, the first ones. Machines that run containers have some hundred. */
const interfaceAddressesMax = 256

/** What the system has now, in its order; nothing where it does not tell. */
export function readInterfaceAddresses(): readonly InterfaceAddress[] {
  return Object.entries(systemInterfaces())
    .flatMap(([interfaceName, addresses = []]) => {
      const facts = readInterfaceFacts(interfaceName)
      return addresses.map((entry): InterfaceAddress => {
        const isIpv6 = entry.family === 'IPv6'
        const isScoped = isIpv6 && isLinkLocalIpv6(entry.address)
        // Windows knows zones by number only.
        const zone = process.platform === 'win32' ? entry.scopeid : interfaceName
        return {
          interfaceName,
          kind: interfaceKindOf(interfaceName, entry.internal, facts),
          host: isScoped ? `${entry.address}%${zone}` : entry.address,
          family: isIpv6 ? 6 : 4,
          prefixBits: Number(entry.cidr?.split('/')[1] ?? (isIpv6 ? 128 : 32)),
          isInternal: entry.internal,
        }
      })
    })
    .slice(0, interfaceAddressesMax)
}

function systemInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces()
  } catch {
    // Some systems keep it from programs (Android), or it has changed while it was read.
    return {}
  }
}

/** The interfaces that have these addresses, in their order. */
export function groupByInterface(
  addresses: readonly InterfaceAddress[],
): readonly NetworkInterface[] {
  const names = new Set(addresses.map(({ interfaceName }) => interfaceName))
  return [...names].map((name) => ({
    name,
    addresses: addresses.filter(({ interfaceName }) => interfaceName === name),
  }))
}

/** Whether an address, with or without a zone, is one of IPv6 that is valid on its link only. */
export function isLinkLocalIpv6(host: string): boolean {
  return /^fe[89ab]/i.test(host)
}

/**
 * Whether a host is reached on the link of an interface without a router, and not through another
 * interface: by its network, or as a link-local address with that zone.
 */
export function isOnLink(host: string, { addresses }: NetworkInterface): boolean {
  const [bare = '', zone] = host.split('%')
  const family = isIP(bare)
  if (family === 0) return false
  if (family === 6 && isLinkLocalIpv6(bare)) {
    return addresses.some((own) => own.host.includes('%') && own.host.split('%')[1] === zone)
  }
  const networks = new BlockList()
  for (const own of addresses) {
    if (own.family === family && !own.host.includes('%')) {
      networks.addSubnet(own.host, own.prefixBits, family === 6 ? 'ipv6' : 'ipv4')
    }
  }
  return zone === undefined && networks.check(bare, family === 6 ? 'ipv6' : 'ipv4')
}

export interface InterfaceWatchOptions {
  readonly clock: HostClock
  readonly read: () => readonly InterfaceAddress[]
  /** What there is, after each look. */
  readonly seen: (addresses: readonly InterfaceAddress[]) => void
  /** There are others than at the look before; told before `seen`. */
  readonly changed: () => void
}

/** Looks at the interfaces again and again until it is stopped. */
export class InterfaceWatch {
  readonly #options: InterfaceWatchOptions
  #cancel: () => void = () => undefined
  /** Of the last look, in one text. */
  #last: string | undefined

  /** Looks for the first time before it returns. */
  constructor(options: InterfaceWatchOptions) {
    this.#options = options
    this.#look()
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const { clock, read, seen, changed } = this.#options
    this.#cancel = clock.after(pollMs, () => {
      this.#look()
    })
    const addresses = read()
    const last = this.#last
    this.#last = addresses.map(({ interfaceName, host }) => `${interfaceName} ${host}`).join('\n')
    if (last !== undefined && last !== this.#last) changed()
    seen(addresses)
  }
}
