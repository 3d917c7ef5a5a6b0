/**
 * Peers that broke a rule a moment ago: for a while this end neither connects to them nor answers
 * them, each time longer (rule CN41). What breaks a rule once, for a fault, does so again at once.
 */

import type { PeerId } from '../identity/peer-id.ts'

/** Pause after the first offence; it doubles with each. */
export const offencePauseMs = 1000

/** The longest pause: a peer that is repaired is connected to within a minute. */
export const offencePauseMsMax = 60_000

/** An offence is forgotten when none has followed for this long. */
export const offenceMemoryMs = 10 * 60 * 1000

/** Offenders remembered. Beyond it the one that was good for longest is forgotten. */
export const offendersMax = 256

interface Offender {
  readonly pauseMs: number
  readonly atMs: number
}

/** See the file header. */
export class Offences {
  /** In the order of their last offences. */
  readonly #offenders = new Map<PeerId, Offender>()

  get size(): number {
    return this.#offenders.size
  }

  /** The peer broke a rule, or says that this end did. */
  committed(peer: PeerId, nowMs: number): void {
    const former = this.#offenders.get(peer)
    const isFirst = former === undefined || nowMs - former.atMs >= offenceMemoryMs
    const pauseMs = isFirst ? offencePauseMs : Math.min(former.pauseMs * 2, offencePauseMsMax)
    this.#offenders.delete(peer)
    this.#offenders.set(peer, { pauseMs, atMs: nowMs })
    for (const [oldest, { atMs }] of this.#offenders) {
      if (this.#offenders.size <= offendersMax && nowMs - atMs < offenceMemoryMs) break
      this.#offenders.delete(oldest)
    }
  }

  /** Until when the peer is left alone; -Infinity when it is not. */
  pausedUntilMs(peer: PeerId): number {
    const offender = this.#offenders.get(peer)
    return offender === undefined ? Number.NEGATIVE_INFINITY : offender.atMs + offender.pauseMs
  }
}
