/**
 * When to tell what has arrived (rule LK19 of docs/specs/link.md): soon enough that the sender goes
 * on and notices losses, seldom enough that acknowledgements cost little, whatever is received.
 */

/**
 * A message is acknowledged after this time at the latest, in milliseconds: below what a person
 * notices, long enough for an answer to carry the acknowledgement along (RFC 9000, section 13.2.1).
 */
export const acknowledgementDelayMsMax = 25

/** Between two acknowledgements, in milliseconds: whatever comes, a thousand a second are enough. */
export const acknowledgementGapMs = 1

/** Messages after which one is due, at least (RFC 9000, section 13.2.2) and at most. */
const messagesMin = 2
const messagesMax = 16

/** Small messages are acknowledged by bytes instead: each of 20 bytes would cost half as much again. */
const unacknowledgedBytes = 512

/** What an arrived message says about acknowledging it. */
export interface Arrival {
  readonly sequence: number
  readonly attempt: number
  readonly bytes: number
  /** The sender asked, or the message was not the next in order: the sender should know soon. */
  readonly isUrgent: boolean
}

/** See the file header. */
export class AcknowledgementTiming {
  #latest: { readonly sequence: number; readonly attempt: number; atMs: number } | undefined
  #untold = 0
  #dueAtMs = Number.POSITIVE_INFINITY
  #toldAtMs = Number.NEGATIVE_INFINITY

  /** When the next acknowledgement has to go. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  /** Messages that no acknowledgement has told of. */
  get isPending(): boolean {
    return this.#untold > 0
  }

  /** The message that came last, and when. */
  get latest():
    { readonly sequence: number; readonly attempt: number; readonly atMs: number } | undefined {
    return this.#latest
  }

  arrived({ sequence, attempt, bytes, isUrgent }: Arrival, nowMs: number): void {
    this.#latest = { sequence, attempt, atMs: nowMs }
    this.#untold += 1
    const isEnough = this.#untold >= clamp(unacknowledgedBytes / bytes, messagesMin, messagesMax)
    const dueAtMs = isUrgent || isEnough ? nowMs : nowMs + acknowledgementDelayMsMax
    this.#dueAtMs = Math.min(
      this.#dueAtMs,
      Math.max(dueAtMs, this.#toldAtMs + acknowledgementGapMs),
    )
  }

  /** Asks for one with the next message: the channel is about to end. */
  hurry(nowMs: number): void {
    if (this.#untold > 0) this.#dueAtMs = Math.min(this.#dueAtMs, nowMs)
  }

  /** An acknowledgement of all that came is on its way. */
  told(nowMs: number): void {
    this.#untold = 0
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.#toldAtMs = nowMs
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
