/**
 * Discovery on all links of this machine: an agent of each kind on each interface, as interfaces come
 * and go, and what they find in one place (rules DS1 to DS5 of docs/specs/discovery.md).
 */

import { DiscoveredAddresses } from './discovered-addresses.ts'
import type { DiscoveryAgent, DiscoveryAgentOptions, LocalService } from './discovery-agent.ts'
import type { HostClock } from './host-clock.ts'
import { startLinkDiscovery } from './link-discovery.ts'
import { startMdnsDiscovery } from './mdns-discovery.ts'
import type { OpenMulticastPort } from './multicast-port.ts'
import type { NetworkInterface } from './network-interfaces.ts'

/** Interfaces on which is looked, the first ones of the system. Each costs up to three sockets. */
const interfacesMax = 32

/** Kinds of discovery. */
export type DiscoveryKind = 'mdns' | 'multicast'

const starts = { mdns: startMdnsDiscovery, multicast: startLinkDiscovery } as const

/** What was dropped. Counts only grow. */
export interface DiscoveryCounts {
  /** Datagrams that are none of the protocols of discovery. */
  announcementsMalformed: number
  /** Word of peers that met a bound. */
  sightingsRefused: number
}

export interface LanDiscoveryOptions {
  readonly kinds: readonly DiscoveryKind[]
  readonly service: LocalService
  readonly clock: HostClock
  readonly random: () => number
  readonly openPort: OpenMulticastPort
  /** How much an interface is preferred to others: 0 most. */
  readonly preferenceOf: (networkInterface: NetworkInterface) => number
  readonly counts: DiscoveryCounts
  readonly found: (address: string, peer: string) => void
  readonly lost: (address: string) => void
}

interface RunningAgent {
  readonly interfaceName: string
  /** The addresses of the interface when it began; with others it has to begin anew. */
  readonly signature: string
  readonly agent: DiscoveryAgent
}

/** See the file header. */
export class LanDiscovery {
  readonly #options: LanDiscoveryOptions
  readonly #addresses: DiscoveredAddresses
  readonly #agentsByKey = new Map<string, RunningAgent>()
  /** Beginning and ending, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #cancelDeadline: () => void = () => undefined
  #isStopped = false

  constructor(options: LanDiscoveryOptions) {
    this.#options = options
    this.#addresses = new DiscoveredAddresses({
      found: (address, peer) => {
        if (!this.#isStopped) options.found(address, peer)
      },
      lost: (address) => {
        if (!this.#isStopped) options.lost(address)
      },
      refused: () => {
        options.counts.sightingsRefused += 1
      },
    })
  }

  /** The interfaces that there are now. Resolves when agents have begun and ended accordingly. */
  async follow(interfaces: readonly NetworkInterface[]): Promise<void> {
    const wanted = interfaces
      .filter(({ addresses }) => addresses.some(({ isInternal }) => !isInternal))
      .slice(0, interfacesMax)
    this.#work = this.#work.then(() => this.#follow(wanted))
    return this.#work
  }

  /** What is listened at has changed. */
  announce(): void {
    for (const { agent } of this.#agentsByKey.values()) agent.announce()
  }

  /** Says goodbye everywhere. Resolves when no socket is left. Nothing is reported from now on. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelDeadline()
    await this.#work
    const agents = [...this.#agentsByKey.values()]
    this.#agentsByKey.clear()
    await Promise.all(agents.map(({ agent }) => agent.stop()))
  }

  async #follow(interfaces: readonly NetworkInterface[]): Promise<void> {
    const signatures = new Map(interfaces.map((one) => [one.name, JSON.stringify(one.addresses)]))
    for (const [key, { interfaceName, signature, agent }] of this.#agentsByKey) {
      if (signatures.get(interfaceName) === signature) continue
      this.#agentsByKey.delete(key)
      await agent.stop()
      if (!signatures.has(interfaceName)) this.#addresses.loseInterface(interfaceName)
    }
    this.#setDeadline()
    for (const networkInterface of interfaces) {
      for (const kind of this.#options.kinds) await this.#begin(kind, networkInterface)
    }
  }

  async #begin(kind: DiscoveryKind, networkInterface: NetworkInterface): Promise<void> {
    const { name: interfaceName, addresses } = networkInterface
    const key = `${kind} ${interfaceName}`
    if (this.#isStopped || this.#agentsByKey.has(key)) return
    if (kind === 'multicast' && !addresses.some(({ host }) => host.includes('%'))) return
    try {
      const agent = await starts[kind](this.#agentOptions(networkInterface))
      this.#agentsByKey.set(key, {
        interfaceName,
        signature: JSON.stringify(addresses),
        agent,
      })
    } catch {
      // It carries no multicast, or not yet: it is tried again after the next look.
    }
  }

  #agentOptions(networkInterface: NetworkInterface): DiscoveryAgentOptions {
    const { service, clock, random, openPort, preferenceOf, counts } = this.#options
    const { name: interfaceName } = networkInterface
    const preference = preferenceOf(networkInterface)
    return {
      networkInterface,
      service,
      clock,
      random,
      openPort,
      seen: (sighting) => {
        this.#addresses.see({ ...sighting, interfaceName, preference }, clock.nowMs())
        this.#setDeadline()
      },
      malformed: () => {
        counts.announcementsMalformed += 1
      },
      lost: (kind, peer) => {
        this.#addresses.lose(interfaceName, kind, peer)
        this.#setDeadline()
      },
    }
  }

  #setDeadline(): void {
    const { clock } = this.#options
    this.#cancelDeadline()
    const delayMs = this.#addresses.nextDeadlineMs() - clock.nowMs()
    if (this.#isStopped || !Number.isFinite(delayMs)) return
    this.#cancelDeadline = clock.after(Math.max(0, delayMs), () => {
      this.#addresses.handleDeadline(clock.nowMs())
      this.#setDeadline()
    })
  }
}
