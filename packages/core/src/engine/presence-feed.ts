/** Paces presence events: at once after a pause, then at most four a second, always the latest. */

/** Least time between two presence events. */
export const presenceEventGapMs = 250

export class PresenceFeed {
  #isDue = false
  #nextAtMs = 0

  /** The graph has changed. */
  changed(): void {
    this.#isDue = true
  }

  /** Whether an event should leave now; taking it starts the next pause. */
  take(nowMs: number): boolean {
    if (!this.#isDue || nowMs < this.#nextAtMs) return false
    this.#isDue = false
    this.#nextAtMs = nowMs + presenceEventGapMs
    return true
  }

  nextDeadlineMs(): number {
    return this.#isDue ? this.#nextAtMs : Number.POSITIVE_INFINITY
  }
}
