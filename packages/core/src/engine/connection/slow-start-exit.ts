/**
 * When to leave slow start before packets are lost: the round trip grows when a queue does
 * (HyStart++, RFC 9406; rule RC11).
 *
 * A round lasts from a moment to the arrival of a packet that was sent after it.
 */

/** Measurements of a round that tell its least round trip well enough (RFC 9406: 8 single packets). */
const samplesMin = 4

/** A growth below is noise, above is always a queue (RFC 9406, section 4.3). */
const growthMsLeast = 4
const growthMsMost = 16

/** Rounds of careful growth after which slow start is over (RFC 9406, section 4.3). */
const carefulRounds = 5

/** `start`: doubles; `careful`: a quarter of that, it may have been noise; `over`: never again. */
export type SlowStartPhase = 'start' | 'careful' | 'over'

/** The delay signal of one slow start. */
export class SlowStartExit {
  #phase: SlowStartPhase = 'start'
  #roundStartMs = Number.NEGATIVE_INFINITY
  #previousLeastMs = Number.POSITIVE_INFINITY
  #leastMs = Number.POSITIVE_INFINITY
  #sampleCount = 0
  /** Round trip at which the careful phase began. */
  #carefulFromMs = Number.POSITIVE_INFINITY
  #carefulRoundCount = 0

  get phase(): SlowStartPhase {
    return this.#phase
  }

  /** A packet sent at `sentAtMs` arrived, and its round trip was measured or not. */
  acknowledged(roundTripMs: number | undefined, sentAtMs: number, nowMs: number): SlowStartPhase {
    if (sentAtMs >= this.#roundStartMs) this.#nextRound(nowMs)
    if (roundTripMs === undefined || this.#phase === 'over') return this.#phase
    this.#sampleCount += 1
    this.#leastMs = Math.min(this.#leastMs, roundTripMs)
    if (this.#sampleCount < samplesMin) return this.#phase
    if (this.#phase === 'careful') {
      if (this.#leastMs < this.#carefulFromMs) this.#phase = 'start'
    } else if (Number.isFinite(this.#previousLeastMs)) {
      const growthMs = Math.min(Math.max(this.#previousLeastMs / 8, growthMsLeast), growthMsMost)
      if (this.#leastMs >= this.#previousLeastMs + growthMs) {
        this.#phase = 'careful'
        this.#carefulFromMs = this.#leastMs
        this.#carefulRoundCount = 0
      }
    }
    return this.#phase
  }

  #nextRound(nowMs: number): void {
    this.#roundStartMs = nowMs
    if (this.#sampleCount > 0) this.#previousLeastMs = this.#leastMs
    this.#leastMs = Number.POSITIVE_INFINITY
    this.#sampleCount = 0
    if (this.#phase !== 'careful') return
    this.#carefulRoundCount += 1
    if (this.#carefulRoundCount > carefulRounds) this.#phase = 'over'
  }
}
