/** Round-trip time estimation (RFC 9002, section 5; rule RC1). */

/** Before the first sample: a third of a second, so that the first probe goes out after one. */
const initialRttMs = 333

/** Timer granularity (RFC 9002, section 6.1.2). */
const granularityMs = 1

/** The estimate of one path. */
export class RoundTrip {
  #latestMs = 0
  #smoothedMs: number | undefined
  #variationMs = initialRttMs / 2
  #minimumMs = Number.POSITIVE_INFINITY

  /** Smoothed, in milliseconds; a guess before the first sample. */
  get smoothedMs(): number {
    return this.#smoothedMs ?? initialRttMs
  }

  get hasSample(): boolean {
    return this.#smoothedMs !== undefined
  }

  /** The latest sample, with the delay of the acknowledgement; 0 before the first. */
  get latestMs(): number {
    return this.#latestMs
  }

  /**
   * Takes a sample; `delayMs` is what the peer says it held the acknowledgement back. Returns the
   * round trip without it.
   */
  sample(rttMs: number, delayMs: number): number {
    this.#latestMs = rttMs
    this.#minimumMs = Math.min(this.#minimumMs, rttMs)
    const heldMs = Math.min(delayMs, rttMs)
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = rttMs
      this.#variationMs = rttMs / 2
      return rttMs - heldMs
    }
    const adjustedMs = rttMs >= this.#minimumMs + delayMs ? rttMs - delayMs : rttMs
    const deviationMs = Math.abs(this.#smoothedMs - adjustedMs)
    this.#variationMs += (deviationMs - this.#variationMs) / 4
    this.#smoothedMs += (adjustedMs - this.#smoothedMs) / 8
    return rttMs - heldMs
  }

  /** Nothing is known of a new path. */
  reset(): void {
    this.#latestMs = 0
    this.#smoothedMs = undefined
    this.#variationMs = initialRttMs / 2
    this.#minimumMs = Number.POSITIVE_INFINITY
  }

  /** A packet overtaken by an acknowledged one counts as lost when it is older: 9/8 of the RTT. */
  lossDelayMs(): number {
    return Math.max((9 / 8) * Math.max(this.#latestMs, this.smoothedMs), granularityMs)
  }

  /** How long to wait for an acknowledgement before asking again (RFC 9002, section 6.2.1). */
  probeTimeoutMs(delayMsMax: number): number {
    return this.smoothedMs + Math.max(4 * this.#variationMs, granularityMs) + delayMsMax
  }
}
