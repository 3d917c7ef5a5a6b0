/**
 * Spreads messages over time (rule LK23 of docs/specs/link.md): a window that is sent at once would
 * overrun the short queues of a path (RFC 9002, section 7.7). A bucket of bytes that fills at a rate.
 */

/** What may leave at once, in messages, and in milliseconds at the rate: hosts have coarse timers. */
const burstMessages = 4
const burstMs = 5

/** A wait is no shorter, in milliseconds. */
const waitMsMin = 1

/** See the file header. Without a rate it lets everything pass. */
export class Pacer {
  #tokens = 0
  #filledAtMs = 0

  /** Whether a message may leave, at that many bytes per millisecond. */
  allows(messageBytes: number, bytesPerMs: number | undefined, nowMs: number): boolean {
    this.#fill(messageBytes, bytesPerMs, nowMs)
    return bytesPerMs === undefined || this.#tokens > 0
  }

  /** A message has left, allowed or not. */
  left(bytes: number): void {
    this.#tokens -= bytes
  }

  /** When the next message may leave. */
  allowsAtMs(bytesPerMs: number): number {
    if (this.#tokens > 0) return Number.NEGATIVE_INFINITY
    return this.#filledAtMs + Math.max(waitMsMin, -this.#tokens / bytesPerMs)
  }

  #fill(messageBytes: number, bytesPerMs: number | undefined, nowMs: number): void {
    const rate = bytesPerMs ?? Number.POSITIVE_INFINITY
    const burstBytes = Math.max(burstMessages * messageBytes, burstMs * (bytesPerMs ?? 0))
    const filled = nowMs > this.#filledAtMs ? (nowMs - this.#filledAtMs) * rate : 0
    this.#tokens = Math.min(burstBytes, this.#tokens + filled)
    this.#filledAtMs = Math.max(this.#filledAtMs, nowMs)
  }
}
