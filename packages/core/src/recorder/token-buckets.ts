/**
 * One token bucket for each event, so that one that repeats without end cannot push all others out
 * of the ring.
 *
 * A bucket is refilled only when it is empty: the events let through in any span of T ms are at
 * most `2 * tokensMax + T * tokensPerMs`.
 */

/** Events of one kind in a row: a burst of a whole neighbourhood joining is still complete. */
export const tokensMax = 200

/** 100 events a second of one kind, for as long as it lasts. */
export const tokensPerMs = 0.1

export class TokenBuckets {
  readonly #tokens: Float64Array
  readonly #refilledAtMs: Float64Array
  readonly #suppressed: Float64Array

  constructor(count: number) {
    this.#tokens = new Float64Array(count).fill(tokensMax)
    this.#refilledAtMs = new Float64Array(count)
    this.#suppressed = new Float64Array(count)
  }

  /** Takes one token, or counts the event as suppressed. */
  take(index: number, nowMs: number): boolean {
    if (this.#tokens[index]! < 1) this.#refill(index, nowMs)
    if (this.#tokens[index]! < 1) {
      this.#suppressed[index]! += 1
      return false
    }
    this.#tokens[index]! -= 1
    return true
  }

  /** Events suppressed since the last call, which the caller now reports. */
  takeSuppressed(index: number): number {
    const count = this.#suppressed[index]!
    if (count !== 0) this.#suppressed[index] = 0
    return count
  }

  #refill(index: number, nowMs: number): void {
    // A clock set back starts the count anew rather than silencing the event until it catches up.
    const elapsedMs = Math.max(0, nowMs - this.#refilledAtMs[index]!)
    this.#tokens[index] = Math.min(tokensMax, this.#tokens[index]! + elapsedMs * tokensPerMs)
    this.#refilledAtMs[index] = nowMs
  }
}
