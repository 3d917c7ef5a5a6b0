/**
 * Whether packets wait for too long again and again (rule RC16). In a single round they may be late by
 * chance: on a channel that loses, each packet waits for those that are repeated before it.
 */

/** For so long, in milliseconds and in rounds, all packets must have waited for too long. */
const longMs = 600
const longRoundsMin = 2

/** Rounds in a row in which they did. */
export class LongQueue {
  #sinceMs = 0
  #roundCount = 0
  #leastMs = Number.POSITIVE_INFINITY

  /**
   * In a round of that length all packets waited for too long, for that time at the least. The least of
   * all such rounds, when they have gone on for long enough; then it begins anew.
   */
  waited(queueingMs: number, roundMs: number, nowMs: number): number | undefined {
    if (this.#roundCount === 0) this.#sinceMs = nowMs - roundMs
    this.#roundCount += 1
    this.#leastMs = Math.min(this.#leastMs, queueingMs)
    if (this.#roundCount < longRoundsMin || nowMs - this.#sinceMs < longMs) return undefined
    const leastMs = this.#leastMs
    this.clear()
    return leastMs
  }

  /** In a round some packets did not. */
  clear(): void {
    this.#roundCount = 0
    this.#leastMs = Number.POSITIVE_INFINITY
  }
}
