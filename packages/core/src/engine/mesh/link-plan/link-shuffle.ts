/**
 * What changes among links when there are enough of them: links beyond the most are dropped, now and then
 * one takes the place of another, and a part of the mesh that hangs on one link gets a second one
 * (rules LP11 to LP13).
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { DialBook } from './dial-book.ts'
import { isEstablished } from './dial-book.ts'
import { degreeMax, degreeSlack, degreeTarget } from './degree.ts'
import { partsWithout } from './mesh-parts.ts'
import { sharedTransport, toldDegree, type MeshView } from './mesh-view.ts'
import type { PlannedLink } from './planned-link.ts'

/** Time between two exchanges of a link for another. */
export const swapIntervalMs = 300_000
/** They differ by up to this part, so that peers that booted together do not swap together. */
export const swapJitter = 0.2
/** A link that is younger is not dropped: what is told of its peer may be old. */
export const settledMs = 10_000
/** Between two links that are dropped: the mesh has to be told of one before the next. */
export const dropIntervalMs = 2_000
/** So long after peers came or went it is looked which part of the mesh hangs on one link. */
export const partsDelayMs = 10_000
/** With more than these, a link is dropped each so often. */
export const trimIntervalMs = 30_000
/** Intervals differ by up to this part: of two ends that both have more, one drops. */
export const trimJitter = 0.5

/** What is to be done. */
export type ShuffleWish =
  | { readonly type: 'drop'; readonly peer: PeerId }
  | {
      readonly type: 'seek'
      readonly reason: 'distant' | 'random' | 'only-path'
      readonly among: ((peer: PeerId) => boolean) | undefined
    }

/** See the file header. */
export class LinkShuffle {
  readonly #context: EngineContext
  readonly #book: DialBook
  readonly #plans: ReadonlyMap<PeerId, PlannedLink>
  readonly #linkedSinceMs: ReadonlyMap<PeerId, number>
  readonly #wishes: ShuffleWish[] = []
  #swapAtMs = Infinity
  #swapCount = 0
  #trimAtMs = Infinity
  /** A link beyond the target is to go, once the newest has settled. */
  #owesDrop = false
  #dropAtMs = -Infinity
  #dropDeadlineMs = Infinity
  #arePartsKnown = true
  #partsAtMs = Infinity

  constructor(
    context: EngineContext,
    book: DialBook,
    plans: ReadonlyMap<PeerId, PlannedLink>,
    linkedSinceMs: ReadonlyMap<PeerId, number>,
  ) {
    this.#context = context
    this.#book = book
    this.#plans = plans
    this.#linkedSinceMs = linkedSinceMs
  }

  linksChanged(): void {
    this.#arePartsKnown = false
  }

  reachabilityChanged(): void {
    this.#arePartsKnown = false
  }

  /** A link beyond the target may come that nobody needs. */
  expectSurplus(): void {
    this.#owesDrop = true
  }

  poll(): ShuffleWish | undefined {
    return this.#wishes.shift()
  }

  nextDeadlineMs(): number {
    return Math.min(this.#swapAtMs, this.#trimAtMs, this.#dropDeadlineMs, this.#partsAtMs)
  }

  reconsider(view: MeshView, lacking: number, nowMs: number): void {
    this.#swap(view, lacking, nowMs)
    this.#trim(view, nowMs)
    this.#dropSurplus(view, nowMs)
    this.#secondPaths(view, nowMs)
  }

  /** One link for another: each time one to the farthest peer, and one to anybody. */
  #swap(view: MeshView, lacking: number, nowMs: number): void {
    if (view.links.size < degreeTarget || !view.transports.some(isSwappable)) {
      this.#swapAtMs = Infinity
      return
    }
    if (this.#swapAtMs === Infinity) this.#swapAtMs = this.#nextSwapMs(nowMs)
    if (nowMs < this.#swapAtMs) return
    this.#swapAtMs = this.#nextSwapMs(nowMs)
    this.#owesDrop = true
    if (view.links.size > degreeTarget + degreeSlack || lacking > 0) return
    this.#swapCount += 1
    const reason = this.#swapCount % 2 === 1 ? 'distant' : 'random'
    this.#wishes.push({ type: 'seek', reason, among: undefined })
  }

  #nextSwapMs(nowMs: number): number {
    return nowMs + swapIntervalMs * this.#varied(swapJitter)
  }

  /** A factor around 1. */
  #varied(jitter: number): number {
    return 1 + jitter * (2 * this.#context.random.fraction() - 1)
  }

  /** With many more links than the target, one goes from time to time. */
  #trim(view: MeshView, nowMs: number): void {
    if (view.links.size <= degreeTarget + degreeSlack) {
      this.#trimAtMs = Infinity
      return
    }
    if (nowMs >= this.#trimAtMs) this.#owesDrop = true
    if (nowMs >= this.#trimAtMs || this.#trimAtMs === Infinity) {
      this.#trimAtMs = nowMs + trimIntervalMs * this.#varied(trimJitter)
    }
  }

  #dropSurplus(view: MeshView, nowMs: number): void {
    this.#dropDeadlineMs = Infinity
    const isBeyondMost = view.links.size > degreeMax
    if (!isBeyondMost && !(this.#owesDrop && view.links.size > degreeTarget)) return
    // The link that a swap seeks comes before another one goes.
    const isSwapping = [...this.#plans.values()].some(
      ({ peer, reason }) => (reason === 'distant' || reason === 'random') && !view.links.has(peer),
    )
    if (!isBeyondMost && isSwapping) return
    if (nowMs < this.#dropAtMs) {
      this.#dropDeadlineMs = this.#dropAtMs
      return
    }
    const newestMs = Math.max(...this.#linkedSinceMs.values())
    if (!isBeyondMost && nowMs < newestMs + settledMs) {
      this.#dropDeadlineMs = newestMs + settledMs
      return
    }
    this.#dropAtMs = nowMs + dropIntervalMs
    this.#owesDrop = false
    const peer = this.#surplusLink(view, isBeyondMost, nowMs)
    if (peer !== undefined) this.#wishes.push({ type: 'drop', peer })
    if (view.links.size - 1 > degreeMax) this.#dropDeadlineMs = this.#dropAtMs
  }

  /** The link that is missed least: that to the peer with the most links, of all that may go. */
  #surplusLink(view: MeshView, isBeyondMost: boolean, nowMs: number): PeerId | undefined {
    const kinds = new Map<string, number>()
    for (const { transport } of view.links.values()) {
      kinds.set(transport, (kinds.get(transport) ?? 0) + 1)
    }
    const needed = new Set<PeerId>()
    for (const { neighbours } of partsWithout(view)) {
      if (neighbours.length === 1) needed.add(neighbours[0]!)
    }
    let found: PeerId | undefined
    let foundDegree = isBeyondMost ? 0 : degreeTarget
    for (const [peer, { transport }] of view.links) {
      const degree = toldDegree(view, peer)
      if (degree <= foundDegree || needed.has(peer) || kinds.get(transport) === 1) continue
      const ageMs = nowMs - (this.#linkedSinceMs.get(peer) ?? nowMs)
      if (ageMs < settledMs || !this.#isOurs(view, peer, transport)) continue
      found = peer
      foundDegree = degree
    }
    return found
  }

  /** Whether this end may drop the link: that over an address is the dialling end's, unless it was given. */
  #isOurs(view: MeshView, peer: PeerId, transport: string): boolean {
    let isOurs = sharedTransport(view, peer) === transport
    for (const dial of this.#book.addressesOf(peer)) {
      if (!isEstablished(dial)) continue
      if (!dial.report.isDiscovered) return false
      isOurs = true
    }
    return isOurs
  }

  /** Another link into each part of the mesh that hangs on a single one. */
  #secondPaths(view: MeshView, nowMs: number): void {
    if (!this.#arePartsKnown) {
      this.#arePartsKnown = true
      this.#partsAtMs = nowMs + partsDelayMs
    }
    if (nowMs < this.#partsAtMs) return
    this.#partsAtMs = Infinity
    if (view.links.size >= degreeMax || !view.transports.some(isSwappable)) return
    const parts = partsWithout(view)
    if (parts.length < 2) return
    for (const { peers, neighbours } of parts) {
      if (neighbours.length > 1 || peers.size < 2) continue
      this.#wishes.push({ type: 'seek', reason: 'only-path', among: (peer) => peers.has(peer) })
    }
  }
}

function isSwappable({ needsSignalling, canDial }: MeshView['transports'][number]): boolean {
  return needsSignalling && canDial
}
