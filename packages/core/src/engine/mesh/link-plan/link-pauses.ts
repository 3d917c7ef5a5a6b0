/** Peers that no link is sought to for a while, since dials failed or the link was one too many (rules LP8 and LP11). */

import type { PeerId } from '../../identity/peer-id.ts'
import type { Random } from '../../crypto/random.ts'

/** First pause after dials to a peer failed; doubles with each. In milliseconds. */
export const pauseMsMin = 5_000
/** Longest pause. */
export const pauseMsMax = 600_000
/** Pauses differ by up to this part: peers that failed together do not come back together. */
export const pauseJitter = 0.2
/** Peers remembered; the one paused first gives way. */
export const pausesMax = 256

export type PauseReason = 'pausing' | 'surplus' | 'impossible'

export interface LinkPause {
  readonly reason: PauseReason
  readonly sinceMs: number
  readonly untilMs: number
  /** In a row, this one included. */
  readonly failures: number
}

/** See the file header. */
export class LinkPauses {
  readonly #random: Random
  /** The one begun first is first. Ended ones stay, for the length of the next. */
  readonly #pauses = new Map<PeerId, LinkPause>()

  constructor(random: Random) {
    this.#random = random
  }

  /** The pause that the peer is in. */
  get(peer: PeerId, nowMs: number): LinkPause | undefined {
    const pause = this.#pauses.get(peer)
    return pause !== undefined && nowMs < pause.untilMs ? pause : undefined
  }

  /** Dials failed. */
  failed(peer: PeerId, nowMs: number): LinkPause {
    const failures = (this.#pauses.get(peer)?.failures ?? 0) + 1
    return this.#begin(
      peer,
      'pausing',
      pauseMsMin * 2 ** Math.min(failures - 1, 20),
      failures,
      nowMs,
    )
  }

  /** Nothing is to be tried for the longest time. */
  begin(peer: PeerId, reason: PauseReason, nowMs: number): LinkPause {
    return this.#begin(peer, reason, pauseMsMax, this.#pauses.get(peer)?.failures ?? 0, nowMs)
  }

  /** It is linked, and what was before is forgiven. */
  end(peer: PeerId): void {
    this.#pauses.delete(peer)
  }

  /** When the first of them ends; `Infinity` without any. */
  nextEndMs(nowMs: number): number {
    let endMs = Infinity
    for (const { untilMs } of this.#pauses.values()) {
      if (untilMs > nowMs) endMs = Math.min(endMs, untilMs)
    }
    return endMs
  }

  #begin(
    peer: PeerId,
    reason: PauseReason,
    plainMs: number,
    failures: number,
    nowMs: number,
  ): LinkPause {
    const jitter = 1 + pauseJitter * (2 * this.#random.fraction() - 1)
    const untilMs = nowMs + Math.min(pauseMsMax, plainMs) * jitter
    const pause = { reason, sinceMs: nowMs, untilMs, failures }
    this.#pauses.delete(peer)
    const [oldest] = this.#pauses.keys()
    if (oldest !== undefined && this.#pauses.size >= pausesMax) this.#pauses.delete(oldest)
    this.#pauses.set(peer, pause)
    return pause
  }
}
