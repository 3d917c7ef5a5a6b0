/** The round-trip time of a channel with acknowledgements (rule LK22 of docs/specs/link.md). */

/** Taken before the first sample, in milliseconds: the first repeat goes out after three of them. */
const initialRttMs = 100

/** Timer granularity, in milliseconds (RFC 9002, section 6.1.2). */
const granularityMs = 1

/** Smoothed, varied and latest round-trip time (RFC 9002, section 5). */
export class RoundTrip {
  #smoothedMs: number | undefined
  #variationMs = initialRttMs / 2
  #latestMs = initialRttMs

  /** Smoothed; undefined until measured. */
  get smoothedMs(): number | undefined {
    return this.#smoothedMs
  }

  /** The smoothed one, or a guess. */
  get expectedMs(): number {
    return this.#smoothedMs ?? initialRttMs
  }

  /** A message that others overtook is not late before that. */
  get patienceMs(): number {
    return Math.max(this.#latestMs, this.expectedMs)
  }

  /** Takes a sample, which does not contain the acknowledgement's delay. */
  sample(rttMs: number): void {
    this.#latestMs = rttMs
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = rttMs
      this.#variationMs = rttMs / 2
      return
    }
    this.#variationMs += (Math.abs(this.#smoothedMs - rttMs) - this.#variationMs) / 4
    this.#smoothedMs += (rttMs - this.#smoothedMs) / 8
  }

  /** How long to wait for an acknowledgement that may be held back for `delayMs`. */
  timeoutMs(delayMs: number): number {
    return this.expectedMs + Math.max(4 * this.#variationMs, granularityMs) + delayMs
  }
}
