/**
 * How much a channel reorders (rule LK20 of docs/specs/link.md): how long a message that was
 * overtaken may still arrive before it counts as lost. After RFC 8985, sections 6.2 and 7.1, but
 * learnt from how late messages were rather than from repeats that were in vain alone.
 */

/** Part of the round trip that is waited when nothing was ever late. */
const initialRoundTrips = 1 / 4

/** What is waited at least, in milliseconds: timers are no finer. */
const graceMsMin = 2

/** Where none was ever late, one that so many overtook is lost at once (RFC 9002, section 6.1.1). */
const overtakenByMin = 3

/** More than the latest was late, since the next may be later. */
const safetyFactor = 1.25

/** Round trips after which lateness is forgotten unless it is seen again (RFC 8985, section 6.2: 16 recoveries). */
const memoryRoundTrips = 32

/** Shortest memory, in milliseconds: on fast channels round trips pass quickly. */
const memoryMsMin = 1_000

/** See the file header. */
export class Reordering {
  #latenessMs = 0
  #earlierLatenessMs = 0
  #periodEndsAtMs = Number.NEGATIVE_INFINITY

  /** A message came after later ones, this much later than a round trip. */
  observe(latenessMs: number, smoothedRttMs: number, nowMs: number): void {
    this.#forget(smoothedRttMs, nowMs)
    this.#latenessMs = Math.max(this.#latenessMs, latenessMs)
  }

  /**
   * How long a message that others overtook, so many of them, is waited for beyond a round trip; a
   * round trip at most.
   */
  graceMs(smoothedRttMs: number, nowMs: number, overtakenBy: number): number {
    this.#forget(smoothedRttMs, nowMs)
    const seenMs = Math.max(this.#latenessMs, this.#earlierLatenessMs) * safetyFactor
    if (seenMs === 0 && overtakenBy >= overtakenByMin) return graceMsMin
    const initialMs = Math.max(graceMsMin, smoothedRttMs * initialRoundTrips)
    return Math.min(Math.max(seenMs, initialMs), Math.max(graceMsMin, smoothedRttMs))
  }

  #forget(smoothedRttMs: number, nowMs: number): void {
    if (nowMs < this.#periodEndsAtMs) return
    this.#earlierLatenessMs = this.#latenessMs
    this.#latenessMs = 0
    this.#periodEndsAtMs = nowMs + Math.max(memoryMsMin, smoothedRttMs * memoryRoundTrips)
  }
}
