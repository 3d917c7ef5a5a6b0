/** Openings of streams that wait: for a connection to the peer, or for its allowance (rule ST24). */

import type { Command } from './command.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { CommandId } from './input.ts'

/** Openings that wait, for all peers together; a further one fails with `limit-reached`. */
export const waitingOpeningsMax = 1024

export interface StreamOpening {
  readonly command: CommandId
  readonly body: Command & { readonly type: 'open-stream' }
  readonly deadlineMs: number
}

/** First come, first served, for each peer. */
export class StreamOpenings {
  readonly #byPeer = new Map<PeerId, StreamOpening[]>()
  #size = 0
  #deadlineMs = Number.POSITIVE_INFINITY

  get isFull(): boolean {
    return this.#size >= waitingOpeningsMax
  }

  /** When the first loses patience; `Infinity` for never. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** Somebody waits for the peer. */
  has(peer: PeerId): boolean {
    return this.#byPeer.has(peer)
  }

  /** Adds one; only while it is not full. */
  add(opening: StreamOpening): void {
    const { peer } = opening.body
    const openings = this.#byPeer.get(peer)
    if (openings === undefined) this.#byPeer.set(peer, [opening])
    else openings.push(opening)
    this.#size += 1
    this.#deadlineMs = Math.min(this.#deadlineMs, opening.deadlineMs)
  }

  /** Removes those of the peer that `served` takes, in order, up to the first that it does not. */
  serve(peer: PeerId, served: (opening: StreamOpening) => boolean): void {
    const openings = this.#byPeer.get(peer) ?? []
    const waitFrom = openings.findIndex((opening) => !served(opening))
    this.#keep(peer, waitFrom < 0 ? [] : openings.slice(waitFrom))
    this.#updateDeadline()
  }

  /** Removes, and returns, those whose patience is over. */
  takeExpired(nowMs: number): StreamOpening[] {
    const expired: StreamOpening[] = []
    for (const [peer, openings] of this.#byPeer) {
      expired.push(...openings.filter(({ deadlineMs }) => deadlineMs <= nowMs))
      this.#keep(
        peer,
        openings.filter(({ deadlineMs }) => deadlineMs > nowMs),
      )
    }
    this.#updateDeadline()
    return expired
  }

  #keep(peer: PeerId, openings: StreamOpening[]): void {
    this.#size += openings.length - (this.#byPeer.get(peer)?.length ?? 0)
    if (openings.length === 0) this.#byPeer.delete(peer)
    else this.#byPeer.set(peer, openings)
  }

  #updateDeadline(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    for (const openings of this.#byPeer.values()) {
      for (const { deadlineMs } of openings)
        this.#deadlineMs = Math.min(this.#deadlineMs, deadlineMs)
    }
  }
}
