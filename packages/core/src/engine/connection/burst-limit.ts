/**
 * How much of a flow may leave at once (rule RC22): a token bucket that time fills somewhat faster
 * than the window turns over (pacing, RFC 9002, section 7.7).
 *
 * A sender that was held back, by its application, by credit or by acknowledgements that came all at
 * once, would otherwise put a large part of a window into the queue of the next relay in one go.
 * Where timers are late, as in hidden tabs, the arrival of acknowledgements serves as well.
 */

/** Time fills the bucket that many times as fast as the window turns over. */
const paceFactor = 1.25

/** The bucket holds what the path takes in so many milliseconds: timers are not finer than some. */
const capacityMs = 10

/** And so many packets at least. */
const capacityPacketsMin = 3

/** Round trips are taken to last so long at least. */
const roundTripMsMin = 0.1

/** What the speed of a flow follows from. */
export interface FlowSpeed {
  readonly windowBytes: number
  readonly roundTripMs: number
  readonly packetBytes: number
}

/** The bucket of one flow. In bytes of packets. */
export class BurstLimit {
  #allowedBytes = 0
  #filledAtMs = 0

  /** A packet may leave, with the bucket overdrawn by less than that; the last one may go beyond. */
  allows(excessBytes = 0): boolean {
    return this.#allowedBytes > -excessBytes
  }

  /** A new path, of which nothing is known: its first window may leave at once. */
  begin(firstWindowBytes: number): void {
    this.#allowedBytes = firstWindowBytes
  }

  /** Time has passed since it was told last. */
  timePassed(speed: FlowSpeed, nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs)
    this.#filledAtMs = nowMs
    const bytesPerMs = paceOf(speed)
    const leastBytes = capacityPacketsMin * speed.packetBytes
    const capacityBytes = Math.max(bytesPerMs * capacityMs, leastBytes, this.#allowedBytes)
    this.#allowedBytes = Math.min(capacityBytes, this.#allowedBytes + bytesPerMs * elapsedMs)
  }

  sent(bytes: number): void {
    this.#allowedBytes -= bytes
  }

  /** When it opens again. A timer for less than a millisecond is not worth its cost. */
  opensAtMs(speed: FlowSpeed): number {
    return this.#filledAtMs + Math.max(1, -this.#allowedBytes / paceOf(speed))
  }
}

/** Bytes a millisecond; of a round trip too short to be measured, what would be no limit. */
function paceOf({ windowBytes, roundTripMs }: FlowSpeed): number {
  return (paceFactor * windowBytes) / Math.max(roundTripMs, roundTripMsMin)
}
