/**
 * Which addresses of other peers are worth dialling, drawn together from all that tells of them
 * (rules DS3 to DS5 of docs/specs/discovery.md).
 *
 * Invariant: for each peer and interface one address is reported, as long as anything vouches for it
 * and the peer is not known on an interface that is preferred.
 */

/** Peers known on one interface; further ones are not taken before some have gone. */
const peersPerInterfaceMax = 64
/** Peers that one sender can tell of: more than anybody runs on one machine. */
const peersPerSenderMax = 16
/** Ways to one peer on one interface: by each kind of discovery an address or two. */
const waysPerPeerMax = 8
/** However long something says that it is valid: the default of DNS records (RFC 6762, section 10). */
const lifetimeMsMax = 4_500_000

/** Something told of a peer. */
export interface Sighting {
  /** Hex id that the peer claims; the link's handshake proves it. */
  readonly peer: string
  readonly interfaceName: string
  /** How much the interface is preferred: 0 most. */
  readonly preference: number
  /** What it was learnt by; of each kind the latest counts. */
  readonly kind: string
  /** Who told it: the host. */
  readonly sender: string
  /** As the transport dials them, the best first. */
  readonly addresses: readonly string[]
  readonly lifetimeMs: number
}

export interface DiscoveredAddressesOptions {
  /** `peer`: the hex id that the peer there claims. */
  readonly found: (address: string, peer: string) => void
  readonly lost: (address: string) => void
  /** A sighting met a bound. */
  readonly refused: () => void
}

interface Way {
  readonly addresses: readonly string[]
  readonly sender: string
  readonly untilMs: number
}

interface KnownPeer {
  readonly peer: string
  readonly interfaceName: string
  readonly preference: number
  readonly waysByKind: Map<string, Way>
  reported: string | undefined
}

/** See the file header. */
export class DiscoveredAddresses {
  readonly #options: DiscoveredAddressesOptions
  readonly #peersByKey = new Map<string, KnownPeer>()
  /** How many report the same address: two interfaces may lead to one. */
  readonly #countByAddress = new Map<string, number>()

  constructor(options: DiscoveredAddressesOptions) {
    this.#options = options
  }

  see(sighting: Sighting, nowMs: number): void {
    const { peer, interfaceName, preference, kind, sender, addresses, lifetimeMs } = sighting
    const key = keyOf(interfaceName, peer)
    let known = this.#peersByKey.get(key)
    if (!known) {
      if (!this.#hasRoom(interfaceName, sender)) {
        this.#options.refused()
        return
      }
      known = { peer, interfaceName, preference, waysByKind: new Map(), reported: undefined }
      this.#peersByKey.set(key, known)
    }
    if (!known.waysByKind.has(kind) && known.waysByKind.size >= waysPerPeerMax) return
    const untilMs = nowMs + Math.min(lifetimeMs, lifetimeMsMax)
    known.waysByKind.set(kind, { addresses, sender, untilMs })
    this.#reportPeer(known.peer)
  }

  /** What that kind of discovery told of a peer on an interface holds no longer. */
  lose(interfaceName: string, kind: string, peer: string): void {
    const known = this.#peersByKey.get(keyOf(interfaceName, peer))
    if (known?.waysByKind.delete(kind) === true) this.#reportPeer(known.peer)
  }

  /** An interface has gone, and with it what was learnt there. */
  loseInterface(interfaceName: string): void {
    for (const known of this.#peersByKey.values()) {
      if (known.interfaceName !== interfaceName) continue
      known.waysByKind.clear()
      this.#reportPeer(known.peer)
    }
  }

  /** Forgets what nobody has repeated in time. */
  handleDeadline(nowMs: number): void {
    for (const known of this.#peersByKey.values()) {
      for (const [kind, { untilMs }] of known.waysByKind) {
        if (untilMs <= nowMs) known.waysByKind.delete(kind)
      }
      this.#reportPeer(known.peer)
    }
  }

  /** When something runs out; `Infinity` if nothing does. */
  nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const { waysByKind } of this.#peersByKey.values()) {
      for (const { untilMs } of waysByKind.values()) deadlineMs = Math.min(deadlineMs, untilMs)
    }
    return deadlineMs
  }

  /** On the interfaces that are preferred most of those on which a peer is known. */
  #reportPeer(peer: string): void {
    const everywhere = [...this.#peersByKey.values()].filter((known) => known.peer === peer)
    const alive = everywhere.filter(({ waysByKind }) => waysByKind.size > 0)
    const best = Math.min(...alive.map(({ preference }) => preference))
    // What is found goes before what is lost: a peer is not without an address in between.
    for (const known of everywhere.toSorted((one, other) => one.preference - other.preference)) {
      this.#report(known, known.preference === best)
    }
  }

  /** An address that was reported stays the one as long as some way leads there. */
  #report(known: KnownPeer, isPreferred: boolean): void {
    const addresses = isPreferred
      ? [...known.waysByKind.values()].flatMap((way) => way.addresses)
      : []
    const { reported } = known
    const next = reported !== undefined && addresses.includes(reported) ? reported : addresses[0]
    if (next !== reported) {
      known.reported = next
      if (next !== undefined) this.#count(next, known.peer, 1)
      if (reported !== undefined) this.#count(reported, known.peer, -1)
    }
    if (known.waysByKind.size === 0) {
      this.#peersByKey.delete(keyOf(known.interfaceName, known.peer))
    }
  }

  #count(address: string, peer: string, change: 1 | -1): void {
    const count = (this.#countByAddress.get(address) ?? 0) + change
    if (count > 0) this.#countByAddress.set(address, count)
    else this.#countByAddress.delete(address)
    if (count === 1 && change === 1) this.#options.found(address, peer)
    if (count === 0) this.#options.lost(address)
  }

  #hasRoom(interfaceName: string, sender: string): boolean {
    let onInterface = 0
    let bySender = 0
    for (const known of this.#peersByKey.values()) {
      if (known.interfaceName !== interfaceName) continue
      onInterface += 1
      if ([...known.waysByKind.values()].some((way) => way.sender === sender)) bySender += 1
    }
    return onInterface < peersPerInterfaceMax && bySender < peersPerSenderMax
  }
}

function keyOf(interfaceName: string, peer: string): string {
  return `${interfaceName} ${peer}`
}
