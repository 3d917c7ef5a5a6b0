/**
 * One neighbour as a listener: what it was told, what it is to be told, and when (rules RO5 to RO7).
 *
 * What waits is a set of destinations, whose present state is told when its time comes; so nothing
 * grows beyond the table, however slow the link is, and what changed back is not told at all.
 */

import type { PeerId } from '../../identity/peer-id.ts'
import { BandwidthShare } from '../bandwidth-share.ts'
import type { Destination } from './destination.ts'
import { entryHash, type RouteEntry } from './route-entry.ts'
import {
  encodeRoutingFrame,
  updateEntriesMax,
  updateEntryBytesMax,
  type UpdateEntry,
} from './routing-frame.ts'

/** Changes within this time travel together: one broken link changes many routes. */
export const updateBatchMs = 50
/** News of a mere sequence number may wait: it makes later routes feasible, and changes none. */
export const lazyUpdateMs = 10_000
/** Share of a link that routes may take. Retractions are not held back, and count. */
export const budgetShare = 0.05
/** Bytes of an update to a slow link at once: a second's budget of Bluetooth. */
export const slowUpdateBytes = 1_024
/** So long after the last update an empty one shows its digest again, once. */
export const digestCheckMs = 10_000

/** How soon something is told. */
export type Urgency = 'at-once' | 'soon' | 'lazily'

interface Told {
  /** What the number of the destination was introduced with. */
  readonly epoch: number
  /** Share of the digest; 0 when it is retracted. */
  hash: number
}

interface Draft {
  readonly destination: Destination
  readonly hash: number
  readonly entry: UpdateEntry
}

/** What is known of one listener. */
export class Audience {
  readonly peer: PeerId
  readonly bandwidth: BandwidthShare
  /** Its link said full. */
  isBlocked = false
  /** Told, by number of the destination. */
  readonly #told: (Told | undefined)[] = []
  readonly #urgent = new Set<Destination>()
  readonly #soon = new Set<Destination>()
  readonly #lazy = new Set<Destination>()
  #digest = 0
  #isTableDue = true
  #soonAtMs = Infinity
  #lazyAtMs = Infinity
  #checkAtMs = Infinity

  constructor(peer: PeerId, linkBytesPerSecond: number) {
    this.peer = peer
    this.bandwidth = new BandwidthShare({ share: budgetShare }, linkBytesPerSecond)
  }

  /** Something is to be told; what is due sooner stays so. */
  tell(destination: Destination, urgency: Urgency, nowMs: number): void {
    if (destination.peer === this.peer) return
    if (urgency === 'at-once') {
      this.#urgent.add(destination)
    } else if (urgency === 'soon') {
      this.#soon.add(destination)
      this.#soonAtMs = Math.min(this.#soonAtMs, nowMs + updateBatchMs)
    } else if (!this.#soon.has(destination)) {
      this.#lazy.add(destination)
      this.#lazyAtMs = Math.min(this.#lazyAtMs, nowMs + lazyUpdateMs)
    }
  }

  /** Everything is told anew, now or as soon as the budget allows. */
  tellTable(destinations: Iterable<Destination>, nowMs: number): void {
    this.#told.length = 0
    this.#digest = 0
    this.#isTableDue = true
    for (const destination of destinations) {
      if (destination.peer !== this.peer) this.#soon.add(destination)
    }
    this.#soonAtMs = nowMs
  }

  /** Its number will stand for another one; it is retracted here. */
  forget(destination: Destination): void {
    this.#told[destination.number] = undefined
    for (const waiting of [this.#urgent, this.#soon, this.#lazy]) waiting.delete(destination)
  }

  /** Whether it was told of a path that was not retracted since. */
  isTold(destination: Destination): boolean {
    return (this.#told[destination.number]?.hash ?? 0) !== 0
  }

  nextDeadlineMs(): number {
    if (this.isBlocked) return Infinity
    if (this.#urgent.size > 0) return -Infinity
    const dueMs = Math.min(this.#soonAtMs, this.#lazyAtMs, this.#checkAtMs)
    return Math.max(dueMs, this.bandwidth.paidUntilMs)
  }

  /** The next frame that is due, if one is; `accepted` is to be called when the link took it. */
  nextFrame(nowMs: number): { frame: Uint8Array; accepted: () => void } | undefined {
    if (nowMs < this.nextDeadlineMs()) return undefined
    const drafts: Draft[] = []
    const looked: Destination[] = []
    const budgetBytes = this.#frameBytesMax()
    const isPaced = nowMs < this.bandwidth.paidUntilMs
    for (const destination of this.#due(nowMs, isPaced)) {
      if (drafts.length === updateEntriesMax) break
      if (!isPaced && drafts.length * updateEntryBytesMax >= budgetBytes) break
      looked.push(destination)
      const draft = this.#draft(destination)
      if (draft !== undefined) drafts.push(draft)
    }
    const isCheck = drafts.length === 0 && nowMs >= this.#checkAtMs
    if (drafts.length === 0 && !isCheck && !this.#isTableDue) {
      this.#settle(looked)
      // All that was looked at had changed back; there may be more.
      return looked.length === 0 ? undefined : this.nextFrame(nowMs)
    }
    const digest = drafts.reduce(
      (sum, { destination, hash }) => sum ^ this.#hash(destination) ^ hash,
      this.#digest,
    )
    const frame = encodeRoutingFrame({
      type: this.#isTableDue ? 'table' : 'update',
      digest: digest >>> 0,
      entries: drafts.map(({ entry }) => entry),
    })
    const accepted = (): void => {
      this.#digest = digest >>> 0
      this.#isTableDue = false
      for (const { destination, hash } of drafts) this.#remember(destination, hash)
      this.#settle(looked)
      this.#checkAtMs = isCheck ? Infinity : nowMs + digestCheckMs
      this.bandwidth.pay(frame.length, nowMs)
    }
    return { frame, accepted }
  }

  /** What may be told now, the most urgent first. */
  *#due(nowMs: number, isPaced: boolean): IterableIterator<Destination> {
    yield* this.#urgent
    if (isPaced) return
    if (this.#urgent.size > 0 || nowMs >= this.#soonAtMs) yield* this.#soon
    if (nowMs >= this.#lazyAtMs) yield* this.#lazy
  }

  /** What to say of a destination; undefined when the neighbour knows. */
  #draft(destination: Destination): Draft | undefined {
    const { number, peer } = destination
    const told = this.#told[number]
    // Whoever is our next hop has no use for our path (split horizon).
    const advertised = destination.route?.nextHop === this.peer ? undefined : destination.advertised
    const hash = advertised === undefined ? 0 : entryHash(peer, advertised)
    if ((told?.hash ?? 0) === hash) return undefined
    return { destination, hash, entry: updateEntryOf(destination, told, advertised) }
  }

  #hash(destination: Destination): number {
    return this.#told[destination.number]?.hash ?? 0
  }

  #remember(destination: Destination, hash: number): void {
    const { number, advertised } = destination
    const told = this.#told[number]
    if (told !== undefined && (hash === 0 || told.epoch === advertised?.epoch)) told.hash = hash
    else if (advertised !== undefined) this.#told[number] = { epoch: advertised.epoch, hash }
  }

  #settle(looked: readonly Destination[]): void {
    for (const destination of looked) {
      this.#urgent.delete(destination)
      this.#soon.delete(destination)
      this.#lazy.delete(destination)
    }
    if (this.#soon.size === 0) this.#soonAtMs = Infinity
    if (this.#lazy.size === 0) this.#lazyAtMs = Infinity
  }

  /** Of an update that may wait: a second's budget, within bounds. */
  #frameBytesMax(): number {
    return Math.max(slowUpdateBytes, this.bandwidth.bytesPerSecond)
  }
}

function updateEntryOf(
  { number, peer }: Destination,
  told: Told | undefined,
  entry: RouteEntry | undefined,
): UpdateEntry {
  if (entry === undefined) return { number, introduced: undefined, path: undefined }
  const { epoch, sequence, metric, hopCount, sizeClass } = entry
  const introduced = told?.epoch === epoch ? undefined : { peer, epoch }
  return { number, introduced, path: { sequence, metric, hopCount, sizeClass } }
}
