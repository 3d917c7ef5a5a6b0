/**
 * A large mesh of whole engines: it joins in any order, lives through links that come and go, and loses a
 * peer. What is measured on the way: time to come together, circles of next hops, pairs of peers that a
 * packet would not reach, and what routes and presence cost.
 */

import type { DocumentsPort } from '../../../documents/documents-port.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { LinkProfile } from '../network/profiles.ts'
import type { AddressTransport } from '../network/transports.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import { Dice } from '../world/dice.ts'
import { rememberedCryptography } from '../world/remembered-cryptography.ts'
import type { Violation } from '../world/violation.ts'
import { World } from '../world/world.ts'
import { LinkChurn } from './link-churn.ts'
import type { Edge, MeshTopology } from './mesh-topology.ts'
import { MeshWatch } from './mesh-watch.ts'
import { reach } from './reach.ts'

export interface MeshRunOptions {
  readonly seed: number
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
  readonly topology: MeshTopology
  readonly profile: LinkProfile
  /** Peers boot within that time, in random order. */
  readonly joinMs: number
  /** Told what goes on. */
  readonly log?: (line: string) => void
}

/** Bytes of frames' payloads, in a second and by one peer, on average. */
export interface MeshTraffic {
  readonly routeBytes: number
  readonly presenceBytes: number
}

export interface ChurnResult extends MeshTraffic {
  readonly linkEvents: number
  /** Of all looks, the share of connected pairs that a packet would have reached; the mean. */
  readonly deliverableShare: number
  /** The least. */
  readonly deliverableShareMin: number
  /** The share of looks at which it was below 0.995. */
  readonly poorLooksShare: number
}

/** Between two looks at who reaches whom. */
const lookMs = 200
const settleMsMax = 300_000
const wellDeliverableShare = 0.995

/** See the file header. */
export class MeshRun {
  readonly watch: MeshWatch
  readonly #options: MeshRunOptions
  readonly #world: World
  readonly #dice: Dice
  readonly #peers: SimulatedPeer[]
  readonly #links: LinkChurn

  constructor(options: MeshRunOptions) {
    this.#options = options
    const { seed, documents, topology, joinMs } = options
    const cryptography = rememberedCryptography(options.cryptography)
    this.#world = new World({ seed, cryptography, documents })
    this.watch = new MeshWatch(this.#world)
    this.#world.watch = this.watch
    this.#dice = new Dice(`${seed} mesh`)
    this.#links = new LinkChurn({
      edges: topology.edges,
      dice: this.#dice,
      goes: (edge) => this.#break(edge),
      comesBack: (edge) => this.#cut(edge, this.nowMs),
    })
    const dials: number[][] = Array.from({ length: topology.peerCount }, () => [])
    for (const [left, right] of topology.edges) dials[left]!.push(right)
    this.#peers = dials.map((targets, index) =>
      this.#world.add(
        {
          name: nameOf(index),
          dials: targets.map((target) => ({
            transport: transportOf(options.profile),
            to: nameOf(target),
            profile: options.profile,
          })),
        },
        joinMs * this.#dice.fraction(),
      ),
    )
  }

  get nowMs(): number {
    return this.#world.nowMs
  }

  get violations(): readonly Violation[] {
    return this.#world.violations
  }

  /**
   * Runs until every peer reaches every other; gives the time since the last one booted. Infinite when
   * they do not within five minutes.
   */
  comeTogether(): number {
    const { joinMs, topology } = this.#options
    const pairCount = topology.peerCount * (topology.peerCount - 1)
    this.#world.runFor(joinMs)
    while (this.nowMs < joinMs + settleMsMax) {
      this.#world.runFor(lookMs)
      const { delivered } = reach(this.watch)
      this.#log(`${delivered} of ${pairCount} pairs`)
      if (delivered === pairCount) return this.nowMs - joinMs
    }
    return Number.POSITIVE_INFINITY
  }

  /** Nothing happens for that long; what is said all the same. */
  rest(durationMs: number): MeshTraffic {
    const before = this.#sentBytes()
    this.#world.runFor(durationMs)
    return this.#trafficSince(before, durationMs)
  }

  /** At each interval a link breaks, or one that did may come back. At most a tenth are away. */
  churn(durationMs: number, intervalMs: number): ChurnResult {
    const before = this.#sentBytes()
    const untilMs = this.nowMs + durationMs
    let linkEvents = 0
    for (let atMs = this.nowMs + intervalMs; atMs <= untilMs; atMs += intervalMs) {
      this.#world.at(atMs, () => {
        linkEvents += 1
        this.#links.step()
      })
    }
    const shares: number[] = []
    while (this.nowMs < untilMs) {
      this.#world.runFor(Math.min(lookMs, untilMs - this.nowMs))
      const { connected, delivered } = reach(this.watch)
      shares.push(delivered / connected)
    }
    return {
      ...this.#trafficSince(before, durationMs),
      linkEvents,
      deliverableShare: shares.reduce((sum, share) => sum + share, 0) / shares.length,
      deliverableShareMin: Math.min(...shares),
      poorLooksShare: shares.filter((share) => share < wellDeliverableShare).length / shares.length,
    }
  }

  /** A peer dies, and its neighbours see its channels close. Time until nobody has a path to it. */
  loseOne(): number {
    const victim = this.#dice.pick(this.#peers)
    const diedAtMs = this.nowMs
    victim.crash()
    while (this.watch.believersIn(victim.id) > 0 && this.nowMs < diedAtMs + settleMsMax) {
      this.#world.runFor(10)
    }
    return this.nowMs - diedAtMs
  }

  #break(edge: Edge): void {
    this.#cut(edge, Number.POSITIVE_INFINITY)
    const [left, right] = edge
    for (const pipe of this.#world.wiring.between(nameOf(left), nameOf(right))) pipe.break()
  }

  /** Nothing passes between the two until then. */
  #cut([left, right]: Edge, untilMs: number): void {
    this.#world.wiring.partition(nameOf(left), nameOf(right), untilMs)
  }

  #sentBytes(): MeshTraffic {
    let routeBytes = 0
    let presenceBytes = 0
    for (const { flight } of this.#peers) {
      const counters = flight?.snapshot().counters
      routeBytes += counters?.['mesh.routeBytesSent'] ?? 0
      presenceBytes += counters?.['mesh.presenceBytesSent'] ?? 0
    }
    return { routeBytes, presenceBytes }
  }

  #trafficSince(before: MeshTraffic, durationMs: number): MeshTraffic {
    const now = this.#sentBytes()
    const scale = 1_000 / durationMs / this.#peers.length
    return {
      routeBytes: (now.routeBytes - before.routeBytes) * scale,
      presenceBytes: (now.presenceBytes - before.presenceBytes) * scale,
    }
  }

  #log(line: string): void {
    this.#options.log?.(`${(this.nowMs / 1_000).toFixed(1)} s: ${line}`)
  }
}

/** The transport whose channels are like that. */
function transportOf({ traits }: LinkProfile): AddressTransport {
  return traits.cost.class === 'bluetooth' ? 'radio' : 'wire'
}

function nameOf(index: number): string {
  return `p${index}`
}
