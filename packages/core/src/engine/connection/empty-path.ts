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

/** From so much on it is noise rather than jitter, in milliseconds. */
const noisyMs = 10

/** What is measured is more than nothing, in milliseconds, however coarse the clock is: it divides. */
const roundTripMsMin = 1

/** Estimates remembered: each from one slowdown to the next. */
const estimatesMax = 3

/** In milliseconds. */
export class EmptyPath {
  #samplesMs: number[] = []
  /** Of this round. */
  #roundLeastMs = Number.POSITIVE_INFINITY
  #leastMs = Number.POSITIVE_INFINITY
  /** Since each of the last slowdowns, the latest last. */
  readonly #estimatesMs: number[] = []
  /** By how much the samples of each of the last slowdowns exceeded their quartile, on average. */
  readonly #variationsMs: number[] = []

  /** What is believed; `Infinity` before anything was measured. */
  get baseMs(): number {
    const estimateMs = Math.min(...this.#estimatesMs)
    return Number.isFinite(estimateMs) ? estimateMs : this.#leastMs
  }

  /** The least round trip of the round so far; `Infinity` before any. */
  get roundLeastMs(): number {
    return this.#roundLeastMs
  }

  /** The mean of the last slowdowns: in one of them nothing may be lost, or another one's queue show. */
  get #variationMs(): number {
    const sum = this.#variationsMs.reduce((all, variationMs) => all + variationMs, 0)
    return sum / Math.max(1, this.#variationsMs.length)
  }

  /** How long packets waited whose round trip was that or more, beyond what varies by itself. */
  queueingMs(roundTripMs: number): number {
    return Math.max(0, roundTripMs - this.baseMs - this.#variationMs)
  }

  /** A round trip was measured. */
  measured(measuredMs: number): void {
    const roundTripMs = Math.max(measuredMs, roundTripMsMin)
    this.#leastMs = Math.min(this.#leastMs, roundTripMs)
    this.#roundLeastMs = Math.min(this.#roundLeastMs, roundTripMs)
    if (this.#samplesMs.length < samplesMax) this.#samplesMs.push(roundTripMs)
  }

  /**
   * A round is over: the round trip to compare with the base; undefined when none was measured. Where
   * round trips vary a lot by themselves that is the least, which says most of a queue.
   */
  endRound(): number | undefined {
    const leastMs = this.#roundLeastMs
    this.#roundLeastMs = Number.POSITIVE_INFINITY
    const quartileMs = this.#takeQuartile(false)
    if (!Number.isFinite(leastMs)) return undefined
    return this.#variationMs < noisyMs ? (quartileMs ?? leastMs) : leastMs
  }

  /** A round of a slowdown is over; true when it says something. */
  endEmptyRound(): boolean {
    this.#roundLeastMs = Number.POSITIVE_INFINITY
    return this.#takeQuartile(true) !== undefined
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
    this.#roundLeastMs = Number.POSITIVE_INFINITY
    this.#leastMs = Number.POSITIVE_INFINITY
    this.#estimatesMs.length = 0
    this.#variationsMs.length = 0
  }

  #takeQuartile(isEmpty: boolean): number | undefined {
    const count = this.#samplesMs.length
    if (count < samplesMin) return undefined
    const sorted = this.#samplesMs.sort((left, right) => left - right)
    this.#samplesMs = []
    const quartileMs = sorted[Math.floor(count * quartile)]!
    const last = this.#estimatesMs.length - 1
    if (last >= 0) this.#estimatesMs[last] = Math.min(this.#estimatesMs[last]!, quartileMs)
    if (isEmpty) {
      const excessMs = sorted.reduce((sum, sampleMs) => sum + Math.max(0, sampleMs - quartileMs), 0)
      this.#variationsMs.push(Math.min(excessMs / count, variationMsMax))
      if (this.#variationsMs.length > estimatesMax) this.#variationsMs.shift()
    }
    return quartileMs
  }
}
