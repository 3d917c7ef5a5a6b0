/**
 * Discovery by multicast on one link, in datagrams of our own (rules DS6 to DS8 of
 * docs/specs/discovery.md): the least that works on an interface that has an IPv6 link-local address
 * and nothing else, without the mDNS of the system in between.
 */

import { isAppTag } from './app-tag.ts'
import type { DiscoveryAgent, DiscoveryAgentOptions } from './discovery-agent.ts'
import { decodeLinkAnnouncement, encodeLinkAnnouncement } from './link-announcement.ts'
import type { LinkAnnouncement } from './link-announcement.ts'
import type { MulticastGroup, MulticastPort, MulticastSender } from './multicast-port.ts'
import { isLinkLocalIpv6 } from './network-interfaces.ts'
import { formatUdpAddress } from './udp-address.ts'

/** A transient group of link-local scope (RFC 4291, section 2.7), as nobody has assigned us one. */
export const linkGroup: MulticastGroup = { family: 6, address: 'ff12::464d', port: 7406 }

/** For how long an announcement holds. Three may be lost. */
const lifetimeS = 120
const announceMs = 30_000
/** When an agent begins, or this peer listens elsewhere: at once, and until what is fresh has settled. */
const beginPausesMs = [1_000, 2_000, 4_000] as const
/** Within this time an `ask` is answered, at a moment of each peer's own. */
const answerMsMax = 200
/** However many ask, answers are at least so far apart. */
const answersApartMs = 1_000

/** Begins; rejects when the interface does not carry it. */
export async function startLinkDiscovery(options: DiscoveryAgentOptions): Promise<DiscoveryAgent> {
  const agent = new LinkDiscovery(options)
  await agent.begin()
  return agent
}

class LinkDiscovery implements DiscoveryAgent {
  readonly #options: DiscoveryAgentOptions
  #port: MulticastPort | undefined
  #cancelAnnouncement: () => void = () => undefined
  #cancelAnswer: (() => void) | undefined
  #announcedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: DiscoveryAgentOptions) {
    this.#options = options
  }

  async begin(): Promise<void> {
    const { openPort, networkInterface } = this.#options
    this.#port = await openPort({
      group: linkGroup,
      networkInterface,
      received: (bytes, sender) => {
        this.#receive(bytes, sender)
      },
    })
    this.#announceAgain('ask', 0)
  }

  announce(): void {
    this.#announceAgain('announce', 0)
  }

  async stop(): Promise<void> {
    this.#cancelAnnouncement()
    this.#cancelAnswer?.()
    if (this.#isListening()) this.#send('goodbye')
    await this.#port?.close()
  }

  /** Sends now, and on and on: soon at first, then at leisure. */
  #announceAgain(kind: 'ask' | 'announce', count: number): void {
    this.#cancelAnnouncement()
    // Who does not listen still asks.
    if (kind === 'ask' || this.#isListening()) this.#send(kind)
    this.#announcedAtMs = this.#options.clock.nowMs()
    this.#cancelAnnouncement = this.#options.clock.after(beginPausesMs[count] ?? announceMs, () => {
      this.#announceAgain(count + 1 < beginPausesMs.length ? kind : 'announce', count + 1)
    })
  }

  #receive(bytes: Uint8Array, { host }: MulticastSender): void {
    const { service } = this.#options
    const announcement = decodeLinkAnnouncement(bytes)
    if (!announcement) this.#options.malformed()
    if (!announcement || announcement.peer === service.peer) return
    // Whoever sends from elsewhere could not be dialled there on this link.
    if (!isLinkLocalIpv6(host) || !isAppTag(service.app, announcement.app)) return
    this.#take(announcement, host)
    if (announcement.kind === 'ask') this.#answerSoon()
  }

  #take({ kind, peer, port, lifetimeS: heldS }: LinkAnnouncement, host: string): void {
    // Two who claim to be one peer do not displace each other.
    const wayKind = `multicast ${host}`
    if (kind === 'goodbye') this.#options.lost(wayKind, peer)
    else if (port > 0) {
      const addresses = [formatUdpAddress({ host, port })]
      const lifetimeMs = heldS * 1000
      this.#options.seen({ peer, kind: wayKind, sender: host, addresses, lifetimeMs })
    }
  }

  #answerSoon(): void {
    if (this.#cancelAnswer || !this.#isListening()) return
    const { clock, random } = this.#options
    const sinceMs = clock.nowMs() - this.#announcedAtMs
    const delayMs = Math.max(answersApartMs - sinceMs, random() * answerMsMax)
    this.#cancelAnswer = clock.after(delayMs, () => {
      this.#cancelAnswer = undefined
      this.#announcedAtMs = clock.nowMs()
      this.#send('announce')
    })
  }

  /** Announced is the address that datagrams leave from. */
  #isListening(): boolean {
    const { service, networkInterface } = this.#options
    return service.hostsOn(networkInterface).some((host) => isLinkLocalIpv6(host))
  }

  #send(kind: LinkAnnouncement['kind']): void {
    const { service } = this.#options
    this.#port?.send(
      encodeLinkAnnouncement({
        kind,
        lifetimeS,
        peer: service.peer,
        port: this.#isListening() ? service.port() : 0,
        app: service.appTag,
      }),
    )
  }
}
