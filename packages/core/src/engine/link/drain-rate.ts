/**
 * How fast a channel that acknowledges nothing carries messages away, told by what its driver reports
 * as drained (rule LK28 of docs/specs/link.md).
 *
 * While something is left over after each report, the channel is the limit, and the rate is its
 * bandwidth. Where a report clears everything, the channel may have waited for more: such a rate says
 * only that it is at least that fast, or that the host reports late.
 */

/** A measurement ends after so many bytes, or after so long, in milliseconds: bursts even out. */
const spanBytes = 64 * 1024
const spanMs = 100

/** Measurements of which the best one counts. */
const spans = 8

/** Shortest time that is believed, in milliseconds: reports come in turns of the host. */
const elapsedMsMin = 1

/** See the file header. */
export class DrainRate {
  #outstandingBytes = 0
  #sinceMs = 0
  #spanBytes = 0
  #spanBusyMs = 0
  /** Rates of the last spans in which the channel was the limit, in bytes per millisecond. */
  #rates: number[] = []
  /** At least as fast as this. */
  #bytesPerMs: number | undefined

  /** Best rate of late, in bytes per millisecond; undefined until anything was measured. */
  get bytesPerMs(): number | undefined {
    return this.#bytesPerMs
  }

  /** Whether that is the channel's bandwidth, and not only what was asked of it. */
  get isKnown(): boolean {
    return this.#rates.length > 0
  }

  sent(bytes: number, nowMs: number): void {
    if (this.#outstandingBytes === 0) this.#sinceMs = nowMs
    this.#outstandingBytes += bytes
  }

  /** So many of the bytes sent have drained since the last report. */
  drained(bytes: number, nowMs: number): void {
    this.#outstandingBytes -= bytes
    this.#spanBytes += bytes
    this.#spanBusyMs += Math.max(0, nowMs - this.#sinceMs)
    this.#sinceMs = nowMs
    const rate = this.#spanBytes / Math.max(elapsedMsMin, this.#spanBusyMs)
    if (this.#outstandingBytes === 0) {
      this.#endSpan()
      this.#bytesPerMs = Math.max(this.#bytesPerMs ?? 0, rate)
    } else if (this.#spanBytes >= spanBytes || this.#spanBusyMs >= spanMs) {
      this.#endSpan()
      this.#rates = [...this.#rates, rate].slice(-spans)
      this.#bytesPerMs = Math.max(...this.#rates)
    }
  }

  #endSpan(): void {
    this.#spanBytes = 0
    this.#spanBusyMs = 0
  }
}
