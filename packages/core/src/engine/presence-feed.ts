/** Paces presence events: at once after a pause, then at most four a second, always the latest. */

/** Least time between two presence events. */
export const presenceEventGapMs = 250
/** The same for each peer of the graph: to put it together, and to draw it, takes longer with each. */
export const presenceEventGapMsPerPeer = 5

export class PresenceFeed {
  #isChanged = false
  #nextAtMs = 0

  /** The graph has changed. */
  changed(): void {
    this.#isChanged = true
  }

  /** Whether an event should leave now. */
  isDue(nowMs: number): boolean {
    return this.#isChanged && nowMs >= this.#nextAtMs
  }

  /** A graph of so many peers left. */
  told(peerCount: number, nowMs: number): void {
    this.#isChanged = false
    this.#nextAtMs = nowMs + Math.max(presenceEventGapMs, peerCount * presenceEventGapMsPerPeer)
  }

  nextDeadlineMs(): number {
    return this.#isChanged ? this.#nextAtMs : Number.POSITIVE_INFINITY
  }
}
