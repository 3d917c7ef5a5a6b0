/**
 * Peers that this boot has met, and what the next handshake with them needs (rule HS14 of
 * docs/specs/link.md). In memory alone.
 *
 * As initiator: the static key to offer a return to. As responder: whether an offer is new, so that
 * one that was recorded and is sent again is not taken for a return.
 */

import { equalBytes } from '../bytes/compare.ts'
import type { PeerId } from '../identity/peer-id.ts'

/** Peers remembered. The one not met for longest is forgotten for another, and met as a stranger. */
export const knownPeersMax = 1_024

/** One boot of a peer, proven in a handshake. */
export interface KnownPeer {
  readonly staticKey: Uint8Array
  readonly epoch: number
}

/** What an initiator says under seal that it returns with. */
export interface ReturnClaim {
  /** The responder's boot that it has met. */
  readonly epochMet: number
  /** Counts the returns that this boot has offered to anyone. */
  readonly count: number
}

interface Entry extends KnownPeer {
  /** The greatest count that came with a return. */
  countReceived: number
}

/** See the file header. */
export class KnownPeers {
  /** Of this boot. */
  readonly #epoch: number
  readonly #entriesByPeer = new Map<PeerId, Entry>()
  #countOffered = 0

  constructor(epoch: number) {
    this.#epoch = epoch
  }

  /** The boot of the peer that was met last. */
  get(peer: PeerId): KnownPeer | undefined {
    return this.#entriesByPeer.get(peer)
  }

  /** A handshake has proven it. */
  met(peer: PeerId, { staticKey, epoch }: KnownPeer): void {
    const before = this.#entriesByPeer.get(peer)
    this.#entriesByPeer.delete(peer)
    const [oldest] = this.#entriesByPeer.keys()
    if (oldest !== undefined && this.#entriesByPeer.size >= knownPeersMax) {
      this.#entriesByPeer.delete(oldest)
    }
    const countReceived = before?.epoch === epoch ? before.countReceived : 0
    this.#entriesByPeer.set(peer, { staticKey, epoch, countReceived })
  }

  /** What to say when a return to that boot is offered. */
  claim({ epoch }: KnownPeer): ReturnClaim {
    this.#countOffered += 1
    return { epochMet: epoch, count: this.#countOffered }
  }

  /** Whether the peer has met this boot, and the claim is newer than all that came before. */
  accept(peer: PeerId, { staticKey, epoch }: KnownPeer, claim: ReturnClaim): boolean {
    const entry = this.#entriesByPeer.get(peer)
    if (!entry || entry.epoch !== epoch || claim.epochMet !== this.#epoch) return false
    if (!equalBytes(entry.staticKey, staticKey) || claim.count <= entry.countReceived) return false
    entry.countReceived = claim.count
    return true
  }
}
