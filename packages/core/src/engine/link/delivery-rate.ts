/**
 * How fast acknowledged bytes arrive (rule LK22 of docs/specs/link.md): the delivery rate of
 * draft-cheng-iccrg-delivery-rate-estimation, sections 3.1 and 3.2.
 *
 * Each message remembers what had been delivered when it left; what has been delivered when it is
 * acknowledged, over the longer of the times in which that was sent and acknowledged, is a sample.
 */

/** What a message remembers. */
export interface DeliverySnapshot {
  readonly deliveredBytes: number
  readonly deliveredAtMs: number
  readonly firstSentAtMs: number
  readonly sentAtMs: number
  /** The sender had less to send than was allowed: the path may be faster than the sample. */
  readonly isLimited: boolean
}

export interface RateSample {
  readonly bytesPerMs: number
  readonly isLimited: boolean
}

/** See the file header. */
export class DeliveryRate {
  #deliveredBytes = 0
  #deliveredAtMs = 0
  #firstSentAtMs = 0
  #isLimited = true

  /** A message leaves; `isFirst` when nothing else is under way. */
  snapshot(isFirst: boolean, nowMs: number): DeliverySnapshot {
    if (isFirst) {
      this.#firstSentAtMs = nowMs
      this.#deliveredAtMs = nowMs
    }
    return {
      deliveredBytes: this.#deliveredBytes,
      deliveredAtMs: this.#deliveredAtMs,
      firstSentAtMs: this.#firstSentAtMs,
      sentAtMs: nowMs,
      isLimited: this.#isLimited,
    }
  }

  /** From now on what is sent fills the window, or, else, there is no more to send. */
  filling(isFilling: boolean): void {
    this.#isLimited = !isFilling
  }

  /** Bytes are acknowledged. */
  delivered(bytes: number, nowMs: number): void {
    this.#deliveredBytes += bytes
    this.#deliveredAtMs = nowMs
  }

  /**
   * The rate up to the newest message of an acknowledgement; undefined where it spans less than a
   * round trip, since then it measures how acknowledgements bunch.
   */
  sample(newest: DeliverySnapshot, leastRttMs: number): RateSample | undefined {
    const sendMs = newest.sentAtMs - newest.firstSentAtMs
    const acknowledgeMs = this.#deliveredAtMs - newest.deliveredAtMs
    this.#firstSentAtMs = newest.sentAtMs
    const elapsedMs = Math.max(sendMs, acknowledgeMs)
    if (elapsedMs <= 0 || elapsedMs < leastRttMs) return undefined
    const bytes = this.#deliveredBytes - newest.deliveredBytes
    return { bytesPerMs: bytes / elapsedMs, isLimited: newest.isLimited }
  }
}
