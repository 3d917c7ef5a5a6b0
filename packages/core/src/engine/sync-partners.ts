/**
 * Who takes part in sync: peers with a virtual connection, that have a link as well or lost it a
 * short while ago (rule SY19 of docs/specs/sync.md).
 *
 * What was sent on a connection is not lost with a link, so what two peers have begun goes on when
 * the next link comes. If one end forgot it and the other did not, that one would wait for an answer
 * that never comes.
 */

import type { PeerId } from './identity/peer-id.ts'

/**
 * A partner without a link is given up after this time, in milliseconds: links that broke or were
 * silent are usually back within a few seconds. Until then what it is sent waits, within bounds, or
 * goes over other peers.
 */
export const partnerWithoutLinkMsMax = 60_000

/** See the file header. */
export class SyncPartners {
  readonly #linked = new Set<PeerId>()
  readonly #connected = new Set<PeerId>()
  readonly #partners = new Set<PeerId>()
  /** When partners without a link are given up, the first to be lost first. */
  readonly #deadlinesMs = new Map<PeerId, number>()

  isLinked(peer: PeerId): boolean {
    return this.#linked.has(peer)
  }

  /** True when the peer becomes a partner by it. */
  linkUp(peer: PeerId): boolean {
    this.#linked.add(peer)
    this.#deadlinesMs.delete(peer)
    return this.#become(peer)
  }

  linkDown(peer: PeerId, nowMs: number): void {
    if (!this.#linked.delete(peer) || !this.#partners.has(peer)) return
    this.#deadlinesMs.set(peer, nowMs + partnerWithoutLinkMsMax)
  }

  /** True when the peer becomes a partner by it. */
  connected(peer: PeerId): boolean {
    this.#connected.add(peer)
    return this.#become(peer)
  }

  /** True when the peer was a partner until now. */
  disconnected(peer: PeerId): boolean {
    this.#connected.delete(peer)
    this.#deadlinesMs.delete(peer)
    return this.#partners.delete(peer)
  }

  /** When `takeGivenUp` has something to give; `Infinity` for never. */
  nextDeadlineMs(): number {
    for (const deadlineMs of this.#deadlinesMs.values()) return deadlineMs
    return Number.POSITIVE_INFINITY
  }

  /** One that was without a link for too long and is no partner any more. */
  takeGivenUp(nowMs: number): PeerId | undefined {
    for (const [peer, deadlineMs] of this.#deadlinesMs) {
      if (nowMs < deadlineMs) return undefined
      this.#deadlinesMs.delete(peer)
      this.#partners.delete(peer)
      return peer
    }
    return undefined
  }

  #become(peer: PeerId): boolean {
    if (!this.#linked.has(peer) || !this.#connected.has(peer)) return false
    if (this.#partners.has(peer)) return false
    this.#partners.add(peer)
    return true
  }
}
