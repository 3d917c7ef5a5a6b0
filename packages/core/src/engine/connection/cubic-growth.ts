/**
 * How a window grows back after a reduction: fast at first, slowly around where it was reduced, and
 * fast beyond (CUBIC, RFC 9438; rule RC6). It goes by time and not by round trips, so that whoever has
 * the longer ones does not stay behind. Only time counts in which the window was the limit.
 */

/** Growth in packets a second cubed (RFC 9438, section 5.1). */
const scale = 0.4

/** A round trip makes the window larger by a half at the most (RFC 9438, section 4.2). */
const roundGrowthMax = 3 / 2

/** What an acknowledgement brought. */
export interface GrowthStep {
  readonly bytes: number
  /** The window, not the sender, was the limit. */
  readonly isLimited: boolean
  readonly roundTripMs: number
  readonly packetBytes: number
}

/** The growth since one reduction, in bytes and milliseconds. */
export class CubicGrowth {
  readonly #formerBytes: number
  /** From the reduction until the window is as large again. */
  readonly #returnMs: number
  #passedMs = 0
  #atMs: number
  /** What a packet more in each round trip would have come to: on short paths that is faster. */
  #additiveBytes: number

  /** The window fell from `formerBytes` to `windowBytes`. */
  constructor(formerBytes: number, windowBytes: number, packetBytes: number, nowMs: number) {
    this.#formerBytes = formerBytes
    this.#additiveBytes = windowBytes
    this.#atMs = nowMs
    this.#returnMs = 1_000 * Math.cbrt(Math.max(0, formerBytes - windowBytes) / packetBytes / scale)
  }

  /** The window after an acknowledgement. */
  acknowledged(windowBytes: number, step: GrowthStep, nowMs: number): number {
    const { bytes, isLimited, roundTripMs, packetBytes } = step
    const elapsedMs = Math.min(nowMs - this.#atMs, roundTripMs)
    this.#atMs = nowMs
    if (!isLimited) return windowBytes
    this.#passedMs += elapsedMs
    const part = bytes / windowBytes
    this.#additiveBytes += packetBytes * part
    if (this.#bytesAt(this.#passedMs, packetBytes) < this.#additiveBytes) {
      return Math.max(windowBytes, this.#additiveBytes)
    }
    const aheadBytes = this.#bytesAt(this.#passedMs + roundTripMs, packetBytes)
    const growthBytes = Math.min(aheadBytes, roundGrowthMax * windowBytes) - windowBytes
    return windowBytes + Math.max(0, growthBytes) * part
  }

  #bytesAt(ms: number, packetBytes: number): number {
    return this.#formerBytes + packetBytes * scale * ((ms - this.#returnMs) / 1_000) ** 3
  }
}
