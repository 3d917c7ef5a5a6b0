/**
 * The round trip of a path on which nothing waits, as far as it can be told (rules RC15 and RC17).
 *
 * A slowdown shows it. Of each round what counts is the lower quartile: a packet may come early by
 * chance, where most are overtaken. The least of those since the last slowdown but two is believed, so
 * that a path that became longer is not taken for a queue for ever. Before the first slowdown it is the
 * least of all.
 */

/** Samples without which a round says nothing; they are added to those of the next. */
const samplesMin = 4

/** Samples of a round that are looked at; later ones are left out. */
const samplesMax = 64

/** That part of the samples is below the one that counts. */
const quartile = 1 / 4

/** More variation than that is not believed: it may be somebody else's queue. In milliseconds. */
const variationMsMax = 120

/** Estimates remembered: each from one slowdown to the next. */
const estimatesMax = 3

/** In milliseconds. */
export class EmptyPath {
  #samplesMs: number[] = []
  #leastMs = Number.POSITIVE_INFINITY
  /** Since each of the last slowdowns, the latest last. */
  readonly #estimatesMs: number[] = []
  /** By how much the samples of the latest slowdown exceeded their quartile, on average. */
  #variationMs = 0

  /** What is believed; `Infinity` before anything was measured. */
  get baseMs(): number {
    const estimateMs = Math.min(...this.#estimatesMs)
    return Number.isFinite(estimateMs) ? estimateMs : this.#leastMs
  }

  /** How long packets waited whose round trip was that or more, beyond what varies by itself. */
  queueingMs(roundTripMs: number): number {
    return Math.max(0, roundTripMs - this.baseMs - this.#variationMs)
  }

  /** A round trip was measured. */
  measured(roundTripMs: number): void {
    this.#leastMs = Math.min(this.#leastMs, roundTripMs)
    if (this.#samplesMs.length < samplesMax) this.#samplesMs.push(roundTripMs)
  }

  /** A round is over, of a slowdown or not; true when it says something. */
  endRound(isSlowdown: boolean): boolean {
    const count = this.#samplesMs.length
    if (count < samplesMin) return false
    const sorted = this.#samplesMs.sort((left, right) => left - right)
    this.#samplesMs = []
    const last = this.#estimatesMs.length - 1
    if (last < 0) return true
    const roundMs = sorted[Math.floor(count * quartile)]!
    this.#estimatesMs[last] = Math.min(this.#estimatesMs[last]!, roundMs)
    if (isSlowdown) {
      const excessMs = sorted.reduce((sum, sampleMs) => sum + Math.max(0, sampleMs - roundMs), 0)
      this.#variationMs = Math.min(excessMs / count, variationMsMax)
    }
    return true
  }

  /** The path is empty from now on, in a slowdown: estimates of before are older by one. */
  begin(): void {
    this.#samplesMs = []
    this.#estimatesMs.push(Number.POSITIVE_INFINITY)
    if (this.#estimatesMs.length > estimatesMax) this.#estimatesMs.shift()
  }

  /** Another path, of which nothing is known. */
  reset(): void {
    this.#samplesMs = []
    this.#leastMs = Number.POSITIVE_INFINITY
    this.#estimatesMs.length = 0
    this.#variationMs = 0
  }
}
