/**
 * What the multicast DNS of one interface has told of services (rules DS9 and DS10 of
 * docs/specs/discovery.md). Records come in any order and in several packets; all of them are hostile.
 */

import type { Answer } from 'dns-packet'
import { dialledHost, peerOfTxt, serviceName } from './mdns-records.ts'
import { isLinkLocalIpv6, isOnLink } from './network-interfaces.ts'
import type { NetworkInterface } from './network-interfaces.ts'

/** Instances of the service, and hosts that they name; further ones are not taken. */
const instancesMax = 64
/** Addresses of one host: the first ones. */
const hostAddressesMax = 8
/** Records that last longer count as lasting so long: the default of shared records. */
const ttlSMax = 4500

/** A record with its end. */
interface Held<Data> {
  readonly data: Data
  readonly heldMs: number
  readonly untilMs: number
}

interface Instance {
  readonly name: string
  pointer: Held<true> | undefined
  location: Held<{ readonly target: string; readonly port: number }> | undefined
  /** The peer, or undefined for one of another app. */
  peer: Held<string | undefined> | undefined
}

/** A peer that can be dialled. */
export interface MdnsPeer {
  readonly peer: string
  /** As they are dialled, the best first; at least one. */
  readonly hosts: readonly string[]
  readonly port: number
  readonly untilMs: number
}

/** See the file header. Names are compared in lower case. */
export class MdnsCache {
  readonly #app: string
  readonly #networkInterface: NetworkInterface
  readonly #instances = new Map<string, Instance>()
  readonly #addressesByHost = new Map<string, Map<string, Held<true>>>()

  constructor(app: string, networkInterface: NetworkInterface) {
    this.#app = app
    this.#networkInterface = networkInterface
  }

  /** Takes the records of one packet. Returns the peers that said goodbye in it. */
  take(records: readonly Answer[], nowMs: number): readonly string[] {
    this.#forgetExpired(nowMs)
    const gone: string[] = []
    // What names others first, so that what they need has a place.
    for (const type of ['PTR', 'SRV', 'TXT', 'A', 'AAAA'] as const) {
      for (const record of records) {
        if (record.type === type && record.name.length < 256) {
          const left = this.#takeRecord(record, nowMs)
          if (left !== undefined) gone.push(left)
        }
      }
    }
    return gone
  }

  /** The peers of this app that all is known of, and that are reached on this link. */
  peers(nowMs: number): readonly MdnsPeer[] {
    this.#forgetExpired(nowMs)
    const peers: MdnsPeer[] = []
    for (const { pointer, location, peer } of this.#instances.values()) {
      const reached = location ? this.#reachedAt(location.data.target) : []
      const [first] = reached
      if (!pointer || !location || peer?.data === undefined || !first) continue
      const ends = [pointer, location, peer, first.held].map(({ untilMs }) => untilMs)
      peers.push({
        peer: peer.data,
        hosts: reached.map(({ host }) => host),
        port: location.data.port,
        untilMs: Math.min(...ends),
      })
    }
    return peers
  }

  /** What to ask for: parts that are missing, and those that have a fifth of their time left. */
  questions(
    nowMs: number,
  ): readonly { type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'AAAA'; name: string }[] {
    this.#forgetExpired(nowMs)
    return [...this.#instances.values()].flatMap(({ name, pointer, location, peer }) => {
      const addresses = location && this.#addressesByHost.get(location.data.target)
      const [address] = addresses?.values() ?? []
      return [
        ...(isWanting(pointer, nowMs) ? [{ type: 'PTR' as const, name: serviceName }] : []),
        ...(isWanting(location, nowMs) ? [{ type: 'SRV' as const, name }] : []),
        ...(isWanting(peer, nowMs) ? [{ type: 'TXT' as const, name }] : []),
        // Of another app: it need not be reached.
        ...(location && isWanting(address, nowMs) && peer?.data !== undefined
          ? [
              { type: 'A' as const, name: location.data.target },
              { type: 'AAAA' as const, name: location.data.target },
            ]
          : []),
      ]
    })
  }

  /** Pointers that need not be told again: known answers of a question (RFC 6762, section 7.1). */
  knownPointers(nowMs: number): readonly Answer[] {
    return [...this.#instances.values()].flatMap(({ name, pointer }): Answer[] => {
      if (!pointer || pointer.untilMs - nowMs < pointer.heldMs / 2) return []
      const ttl = Math.floor((pointer.untilMs - nowMs) / 1000)
      return [{ type: 'PTR', name: serviceName, ttl, data: name }]
    })
  }

  /** When some part is to be asked for again; `Infinity` if nothing is known. */
  nextRefreshMs(): number {
    let refreshMs = Number.POSITIVE_INFINITY
    for (const { pointer, location, peer } of this.#instances.values()) {
      for (const held of [pointer, location, peer]) {
        if (held) refreshMs = Math.min(refreshMs, held.untilMs - held.heldMs / 5)
      }
    }
    return refreshMs
  }

  #takeRecord(record: Answer, nowMs: number): string | undefined {
    const name = record.name.toLowerCase()
    const ttlS = Math.min('ttl' in record ? (record.ttl ?? 0) : 0, ttlSMax)
    const hold = <Data>(data: Data): Held<Data> | undefined =>
      ttlS === 0 ? undefined : { data, heldMs: ttlS * 1000, untilMs: nowMs + ttlS * 1000 }
    switch (record.type) {
      case 'PTR': {
        if (name !== serviceName) return undefined
        const instanceName = record.data.toLowerCase()
        if (!instanceName.endsWith(`.${serviceName}`)) return undefined
        if (ttlS === 0) return this.#drop(instanceName)
        const instance = this.#instance(instanceName)
        if (instance) instance.pointer = hold(true)
        return undefined
      }
      case 'SRV': {
        const { target, port } = record.data
        const instance = this.#instances.get(name)
        if (!instance || port === 0) return undefined
        if (ttlS === 0) return this.#drop(name)
        instance.location = hold({ target: target.toLowerCase(), port })
        return undefined
      }
      case 'TXT': {
        const instance = this.#instances.get(name)
        if (instance && ttlS > 0) instance.peer = hold(peerOfTxt(this.#app, record.data))
        return undefined
      }
      case 'A':
      case 'AAAA': {
        if (this.#isTarget(name)) this.#takeAddress(name, record.data, hold(true))
        return undefined
      }
      default:
        return undefined
    }
  }

  #takeAddress(name: string, address: string, held: Held<true> | undefined): void {
    const addresses = this.#addressesByHost.get(name) ?? new Map<string, Held<true>>()
    this.#addressesByHost.set(name, addresses)
    if (!held) addresses.delete(address)
    else if (addresses.has(address) || addresses.size < hostAddressesMax)
      addresses.set(address, held)
  }

  /** Link-local first, which no change of networks touches; then IPv4. None that a router leads to. */
  #reachedAt(target: string): readonly { host: string; held: Held<true> }[] {
    const reached = [...(this.#addressesByHost.get(target) ?? [])].flatMap(([address, held]) => {
      const host = dialledHost(address, this.#networkInterface)
      return isOnLink(host, this.#networkInterface) ? [{ host, held }] : []
    })
    return reached.toSorted((one, other) => rankOf(one.host) - rankOf(other.host))
  }

  #instance(name: string): Instance | undefined {
    const known = this.#instances.get(name)
    if (known || this.#instances.size >= instancesMax) return known
    const instance = { name, pointer: undefined, location: undefined, peer: undefined }
    this.#instances.set(name, instance)
    return instance
  }

  #isTarget(name: string): boolean {
    for (const { location } of this.#instances.values()) {
      if (location?.data.target === name) return true
    }
    return false
  }

  /** An instance is gone: its peer, if it was known. */
  #drop(name: string): string | undefined {
    const peer = this.#instances.get(name)?.peer?.data
    this.#instances.delete(name)
    return peer
  }

  #forgetExpired(nowMs: number): void {
    const live = <Data>(held: Held<Data> | undefined) =>
      held && held.untilMs > nowMs ? held : undefined
    for (const instance of this.#instances.values()) {
      instance.pointer = live(instance.pointer)
      instance.location = live(instance.location)
      instance.peer = live(instance.peer)
      // What nothing points to is not asked for any more.
      if (!instance.pointer) this.#instances.delete(instance.name)
    }
    for (const [name, addresses] of this.#addressesByHost) {
      for (const [address, held] of addresses) if (!live(held)) addresses.delete(address)
      if (addresses.size === 0 || !this.#isTarget(name)) this.#addressesByHost.delete(name)
    }
  }
}

function isWanting(held: Held<unknown> | undefined, nowMs: number): boolean {
  return !held || held.untilMs - nowMs <= held.heldMs / 5
}

function rankOf(host: string): number {
  if (isLinkLocalIpv6(host)) return 0
  return host.includes(':') ? 2 : 1
}
