/**
 * The destinations that the router knows: ourselves, those with a path, and those lost not long ago,
 * whose feasibility distance must outlive what others may still hold of it (rules RO8 and RO17).
 */

import type { PeerId } from '../../identity/peer-id.ts'
import type { Destination } from './destination.ts'

/** Destinations with a path or remembered; when all have one, further ones are refused, and counted. */
export const destinationsMax = 4_096
/**
 * How long a lost destination is remembered, after every neighbour was told: far longer than a
 * frame is under way, since a link that does not move for minutes is dead.
 */
export const lostMsMax = 600_000

/** See the file header. */
export class DestinationTable {
  readonly byPeer = new Map<PeerId, Destination>()
  /** Lost ones with the time since when, the first lost first. */
  readonly #lostAtMs = new Map<Destination, number>()
  readonly #freeNumbers: number[] = []
  readonly #isTold: (destination: Destination) => boolean
  readonly #forgotten: (destination: Destination) => void

  constructor(
    isTold: (destination: Destination) => boolean,
    forgotten: (destination: Destination) => void,
  ) {
    this.#isTold = isTold
    this.#forgotten = forgotten
  }

  /** The destination, new if need be; `undefined` when there is no room. */
  open(peer: PeerId, nowMs: number): Destination | undefined {
    const known = this.byPeer.get(peer)
    if (known !== undefined) return known
    if (this.byPeer.size >= destinationsMax && !this.#makeRoom()) return undefined
    const destination: Destination = {
      peer,
      number: this.#freeNumbers.pop() ?? this.byPeer.size,
      route: undefined,
      advertised: undefined,
      distance: undefined,
      challengedSinceMs: undefined,
      wishedAtMs: -Infinity,
    }
    this.byPeer.set(peer, destination)
    this.#lostAtMs.set(destination, nowMs)
    return destination
  }

  found(destination: Destination): void {
    this.#lostAtMs.delete(destination)
  }

  lost(destination: Destination, nowMs: number): void {
    this.#lostAtMs.set(destination, nowMs)
  }

  nextDeadlineMs(): number {
    for (const lostAtMs of this.#lostAtMs.values()) return lostAtMs + lostMsMax
    return Infinity
  }

  /** Forgets what was lost long ago. */
  handleDeadline(nowMs: number): void {
    for (const [destination, lostAtMs] of this.#lostAtMs) {
      if (nowMs < lostAtMs + lostMsMax) return
      // Told of a path still, over a link that is full: it is looked at again later.
      if (this.#isTold(destination)) {
        this.#lostAtMs.delete(destination)
        this.#lostAtMs.set(destination, nowMs)
      } else this.#forget(destination)
    }
  }

  /** The one lost first gives way, if there is one that nobody holds of us. */
  #makeRoom(): boolean {
    for (const destination of this.#lostAtMs.keys()) {
      if (this.#isTold(destination)) continue
      this.#forget(destination)
      return true
    }
    return false
  }

  #forget(destination: Destination): void {
    this.#lostAtMs.delete(destination)
    this.byPeer.delete(destination.peer)
    this.#freeNumbers.push(destination.number)
    this.#forgotten(destination)
  }
}
