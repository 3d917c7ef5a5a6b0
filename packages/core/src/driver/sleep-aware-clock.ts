/**
 * A monotonic clock that goes on while the machine sleeps.
 *
 * `performance.now()` never goes back, but on several systems it stands still during sleep, and an
 * engine whose clock stood still would believe links alive that died an hour ago. The wall clock
 * knows of the sleep, but it may be set. So: monotonic time, plus every leap that the wall clock
 * took ahead of it. A wall clock set forward looks like a sleep, which costs a round of probes.
 */

/** Below this, a leap is a wall clock being slewed, or the resolution of the two clocks. */
const leapMsMin = 2_000
/** The most that one leap counts for: a wall clock that was set from 1970 is not a sleep. */
const leapMsMax = 24 * 60 * 60 * 1_000

export interface ClockSources {
  /** Never goes back; may stand still during sleep. */
  monotonicMs(): number
  /** Goes on during sleep; may be set to anything. */
  wallMs(): number
}

/** See the file header. */
export class SleepAwareClock {
  readonly #sources: ClockSources
  readonly #leapt: (leapMs: number) => void
  #sleptMs = 0
  #wallAheadMs: number
  #lastMs: number

  /** `leapt` is told of each leap, from inside `nowMs`. */
  constructor(sources: ClockSources, leapt: (leapMs: number) => void = () => {}) {
    this.#sources = sources
    this.#leapt = leapt
    this.#lastMs = sources.monotonicMs()
    this.#wallAheadMs = sources.wallMs() - this.#lastMs
  }

  /** Milliseconds since some beginning; never less than the last time. */
  nowMs(): number {
    const monotonicMs = this.#sources.monotonicMs()
    const wallAheadMs = this.#sources.wallMs() - monotonicMs
    const leapMs = wallAheadMs - this.#wallAheadMs
    this.#wallAheadMs = wallAheadMs
    if (leapMs >= leapMsMin) {
      this.#sleptMs += Math.min(leapMs, leapMsMax)
      this.#leapt(leapMs)
    }
    this.#lastMs = Math.max(this.#lastMs, monotonicMs + this.#sleptMs)
    return this.#lastMs
  }
}
