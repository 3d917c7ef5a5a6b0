/** The UDP transport: for Node peers that reach each other by address (docs/specs/udp.md). */

import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
  Transport,
  TransportCapabilities,
  TransportHost,
} from '@fieldmesh/core/transport'
import {
  channelsMax,
  distanceOfHost,
  firstMessageMs,
  PipeChannel,
  TransportRun,
} from '@fieldmesh/core/transport-kit'
import { makeAppTag } from './app-tag.ts'
import { systemClock } from './host-clock.ts'
import { chosenAddresses, isAvoided, preferenceOf } from './interface-choice.ts'
import type { InterfaceChoice } from './interface-choice.ts'
import { costOfKind, readMtu } from './interface-kind.ts'
import type { InterfaceKind } from './interface-kind.ts'
import { LanDiscovery } from './lan-discovery.ts'
import type { DiscoveryKind } from './lan-discovery.ts'
import { openMulticastPort } from './multicast-port.ts'
import { groupByInterface, InterfaceWatch, readInterfaceAddresses } from './network-interfaces.ts'
import type { InterfaceAddress } from './network-interfaces.ts'
import { formatUdpAddress, parseUdpAddress } from './udp-address.ts'
import type { UdpAddress } from './udp-address.ts'
import { createUdpCounts } from './udp-counts.ts'
import type { UdpCounts } from './udp-counts.ts'
import { UdpDial } from './udp-dial.ts'
import { hostsToListenAt, UdpListeners } from './udp-listeners.ts'
import { messageBytesMax, messageBytesOfMtu } from './udp-message-size.ts'
import type { UdpPipe } from './udp-pipe.ts'

export interface UdpOptions {
  /** Where to listen; without it, this transport only dials. */
  readonly listen?: {
    /** 0 lets the system choose. */
    readonly port: number
    /** Address of an interface; every address of every interface when left out, as they come and go. */
    readonly host?: string
  }
  /** Addresses to dial, `udp://HOST:PORT`. */
  readonly addresses?: readonly string[]
  /**
   * Find peers of the same app on the links of this machine, and be found by them where this peer
   * listens. Whoever is on the link learns peer id and port; the app is told by a salted hash.
   */
  readonly discovery?: {
    /** The app of the mesh. */
    readonly app: string
    /** By multicast DNS, by our own multicast over IPv6; by both when left out. */
    readonly kinds?: readonly DiscoveryKind[]
  }
  /** Which interfaces are used, by name or kind; all, and none before others, when left out. */
  readonly interfaces?: InterfaceChoice
}

/** An interface that a transport uses. */
export interface UsedInterface {
  /** `eth0`, `awdl0`. */
  readonly name: string
  readonly kind: InterfaceKind
}

/** A UDP transport, where it listens, and what it has dropped. */
export interface UdpTransport extends Transport {
  /** The addresses that are listened at, all with one port. */
  readonly listening: readonly UdpAddress[]
  /** The interfaces of this machine that may be used, preferred ones first. */
  readonly interfaces: readonly UsedInterface[]
  readonly counts: Readonly<UdpCounts>
}

/** Makes a UDP transport. */
export function udp(options: UdpOptions = {}): UdpTransport {
  return new Udp(options)
}

class Udp implements UdpTransport {
  readonly name = 'udp'
  readonly capabilities: TransportCapabilities
  readonly counts = createUdpCounts()
  readonly #options: UdpOptions
  readonly #run = new TransportRun('udp', channelsMax)
  #listeners: UdpListeners | undefined
  #discovery: LanDiscovery | undefined
  #watch: InterfaceWatch | undefined

  constructor(options: UdpOptions) {
    this.#options = options
    this.capabilities = {
      canListen: options.listen !== undefined,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    }
  }

  get listening(): readonly UdpAddress[] {
    return this.#listeners?.addresses ?? []
  }

  get interfaces(): readonly UsedInterface[] {
    return groupByInterface(this.#chosenAddresses()).map(({ name, addresses }) => ({
      name,
      kind: addresses[0]?.kind ?? 'unknown',
    }))
  }

  async start(host: TransportHost): Promise<void> {
    const { listen, addresses = [], discovery } = this.#options
    this.#run.begin(host)
    try {
      if (listen) await this.#listen(listen, host)
    } catch (error) {
      this.#listeners = undefined
      await this.#run.end()
      throw error
    }
    for (const address of addresses) host.addressFound(address)
    if (discovery) this.#discovery = this.#discover(discovery, host)
    if (listen || discovery) this.#follow()
  }

  async stop(): Promise<void> {
    this.#watch?.stop()
    this.#watch = undefined
    const listeners = this.#listeners
    const discovery = this.#discovery
    this.#discovery = undefined
    // Says what it has listened at, to take it back.
    await discovery?.stop()
    this.#listeners = undefined
    // Farewells leave by the sockets of the listeners.
    await this.#run.end()
    await listeners?.close()
  }

  dial(address: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const parsed = parseUdpAddress(address)
      if (!parsed) {
        const form = formatUdpAddress({ host: 'HOST', port: 4100 })
        outcome.fail(new DialFailure('bad-address', `${address} is not of the form ${form}`))
        return () => undefined
      }
      const avoided = this.#avoidedInterfaceOf(parsed.host)
      if (avoided !== undefined) {
        const why = `${address} is on ${avoided}, which is to be avoided`
        outcome.fail(new DialFailure('not-permitted', why))
        return () => undefined
      }
      const dial = new UdpDial({
        address: parsed,
        counts: this.counts,
        opened: (pipe, localHost) => {
          outcome.succeed(this.#open(pipe, localHost, parsed.host))
        },
        failed: (failure) => {
          outcome.fail(failure)
        },
      })
      return () => {
        dial.giveUp()
      }
    })
  }

  async #listen(listen: NonNullable<UdpOptions['listen']>, host: TransportHost): Promise<void> {
    const listeners = new UdpListeners({
      port: listen.port,
      counts: this.counts,
      nowMs: () => systemClock.nowMs(),
      isFull: () => this.#run.full || !this.#run.host,
      opened: (pipe, remoteHost, localHost) => {
        host.accepted(this.#open(pipe, localHost, remoteHost, firstMessageMs))
      },
    })
    this.#listeners = listeners
    await listeners.begin(hostsToListenAt(listen.host, this.#chosenAddresses()), listen.host)
  }

  #discover(
    { app, kinds = ['mdns', 'multicast'] }: NonNullable<UdpOptions['discovery']>,
    host: TransportHost,
  ): LanDiscovery {
    return new LanDiscovery({
      kinds,
      service: {
        app,
        peer: host.localPeer,
        appTag: makeAppTag(app),
        hostsOn: ({ addresses }) => {
          const listening = new Set(this.listening.map((address) => address.host))
          return addresses.map((own) => own.host).filter((own) => listening.has(own))
        },
        port: () => this.listening[0]?.port ?? 0,
      },
      clock: systemClock,
      random: () => Math.random(),
      openPort: openMulticastPort,
      counts: this.counts,
      preferenceOf: ({ addresses: [address] }) =>
        address ? preferenceOf(address, this.#options.interfaces ?? {}) : 0,
      found: (address, peer) => {
        host.addressFound(address, { peer })
      },
      lost: (address) => {
        host.addressLost(address)
      },
    })
  }

  /** Sockets and discovery go along with the interfaces of this machine. */
  #follow(): void {
    const listen = this.#options.listen
    const listeners = this.#listeners
    const discovery = this.#discovery
    this.#watch = new InterfaceWatch({
      clock: systemClock,
      read: () => this.#chosenAddresses(),
      changed: () => {
        this.#run.host?.networkChanged()
      },
      seen: (addresses) => {
        void discovery?.follow(groupByInterface(addresses))
        if (!listen) return
        void listeners?.follow(hostsToListenAt(listen.host, addresses)).then((hasChanged) => {
          if (hasChanged) discovery?.announce()
        })
      },
    })
  }

  #open(pipe: UdpPipe, localHost: string, remoteHost: string, firstMessageMs?: number): Channel {
    const local = readInterfaceAddresses().find(({ host }) => host === localHost)
    const channel = new PipeChannel({
      pipe,
      traits: {
        messageBytesMax: messageBytesAt(local),
        reliable: false,
        ordered: false,
        encrypted: false,
        cost: costOfKind(local?.kind ?? 'unknown', distanceOfHost(remoteHost)),
      },
      ...(firstMessageMs === undefined ? {} : { firstMessageMs }),
      gone: (channel) => {
        this.#run.remove(channel)
      },
    })
    this.#run.add(channel)
    return channel
  }

  #chosenAddresses(): readonly InterfaceAddress[] {
    return chosenAddresses(readInterfaceAddresses(), this.#options.interfaces ?? {})
  }

  /** The interface that a host's zone names, if it is not to be used. */
  #avoidedInterfaceOf(host: string): string | undefined {
    const [, zone] = host.split('%')
    const named = readInterfaceAddresses().find((own) => own.host.split('%')[1] === zone)
    const { interfaces = {} } = this.#options
    return zone !== undefined && named && isAvoided(named, interfaces)
      ? named.interfaceName
      : undefined
  }
}

/** The longest message of a channel that leaves from that address of this machine. */
function messageBytesAt(local: InterfaceAddress | undefined): number {
  if (!local) return messageBytesOfMtu()
  return local.isInternal ? messageBytesMax : messageBytesOfMtu(readMtu(local.interfaceName))
}
