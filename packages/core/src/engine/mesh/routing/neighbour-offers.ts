/**
 * What one neighbour has told us: its offers by destination, and whether we agree on what was told
 * (rules RO4 to RO6).
 *
 * Beside the present path of the neighbour an offer keeps the best distance that it ever told since
 * its link came up. The neighbour never takes a path from that distance on (rule RO8), so this is
 * what tells whether it may be a next hop, however long its path has become.
 */

import type { PeerId } from '../../identity/peer-id.ts'
import { entryHash, type RouteEntry } from './route-entry.ts'
import { betterDistance, type Distance } from './route-version.ts'
import type { UpdateEntry } from './routing-frame.ts'

/** Destinations that one neighbour may offer: half of all, so that one alone cannot crowd out others. */
export const offersMax = 2_048

/** A path of the neighbour to a destination. */
export interface Offer {
  readonly entry: RouteEntry
  /** The best distance it told since it offers the destination without a break. */
  readonly bound: Distance
}

interface Known {
  readonly peer: PeerId
  readonly epoch: number
  /** Share of the digest; 0 while nothing is told of it. */
  hash: number
}

/** What came of a frame. */
export interface Applied {
  /** Destinations whose offer is another one now. */
  readonly touched: ReadonlySet<PeerId>
  /** Entries that were ignored: of ourselves, beyond a bound, or claiming what cannot be. */
  readonly refusedCount: number
  /** Whether the digest is right. */
  readonly isAgreed: boolean
}

/** The offers of one neighbour. */
export class NeighbourOffers {
  readonly #local: PeerId
  readonly #neighbour: PeerId
  readonly #offers = new Map<PeerId, Offer>()
  /** By number of the teller: at most `destinationNumberMax` and one. */
  readonly #known = new Map<number, Known>()
  #digest = 0
  /** A table came, so that updates have something to continue. */
  #hasTable = false

  constructor(local: PeerId, neighbour: PeerId) {
    this.#local = local
    this.#neighbour = neighbour
  }

  get(destination: PeerId): Offer | undefined {
    return this.#offers.get(destination)
  }

  destinations(): IterableIterator<PeerId> {
    return this.#offers.keys()
  }

  /** Begins anew: what was told before is void. */
  applyTable(digest: number, entries: readonly UpdateEntry[]): Applied {
    const touched = new Set(this.#offers.keys())
    this.#offers.clear()
    this.#known.clear()
    this.#digest = 0
    this.#hasTable = true
    return this.#apply(digest, entries, touched)
  }

  /** Goes on from what was told before; does nothing when there was no table. */
  applyUpdate(digest: number, entries: readonly UpdateEntry[]): Applied {
    if (!this.#hasTable) return { touched: new Set(), refusedCount: 0, isAgreed: false }
    return this.#apply(digest, entries, new Set())
  }

  #apply(digest: number, entries: readonly UpdateEntry[], touched: Set<PeerId>): Applied {
    let refusedCount = 0
    for (const { number, introduced, path } of entries) {
      const known = this.#lookUp(number, introduced, touched)
      // The digest will tell that this number was missed.
      if (known === undefined) continue
      const entry = path && { epoch: known.epoch, ...path }
      this.#setHash(known, entry === undefined ? 0 : entryHash(known.peer, entry))
      if (entry === undefined) this.#offers.delete(known.peer)
      else if (this.#accepts(known.peer, entry)) this.#offer(known.peer, entry)
      else {
        this.#offers.delete(known.peer)
        refusedCount += 1
      }
      touched.add(known.peer)
    }
    return { touched, refusedCount, isAgreed: this.#digest === digest }
  }

  #lookUp(
    number: number,
    introduced: UpdateEntry['introduced'],
    touched: Set<PeerId>,
  ): Known | undefined {
    const former = this.#known.get(number)
    if (introduced === undefined) return former
    if (former !== undefined) {
      this.#setHash(former, 0)
      if (former.peer !== introduced.peer && this.#offers.delete(former.peer)) {
        touched.add(former.peer)
      }
    }
    const known = { ...introduced, hash: 0 }
    this.#known.set(number, known)
    return known
  }

  #setHash(known: Known, hash: number): void {
    this.#digest = (this.#digest ^ known.hash ^ hash) >>> 0
    known.hash = hash
  }

  #accepts(peer: PeerId, entry: RouteEntry): boolean {
    // Nobody tells us the way to ourselves, and only the neighbour itself is no hop away from it.
    if (peer === this.#local || (entry.hopCount === 0) !== (peer === this.#neighbour)) return false
    return this.#offers.has(peer) || this.#offers.size < offersMax
  }

  #offer(peer: PeerId, entry: RouteEntry): void {
    const { epoch, sequence, metric } = entry
    const bound = betterDistance(this.#offers.get(peer)?.bound, { epoch, sequence, metric })
    this.#offers.set(peer, { entry, bound })
  }
}
