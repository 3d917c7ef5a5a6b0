/**
 * Pauses between repetitions of a packet that waits for an answer: they double, so that a peer that
 * never answers costs a packet a minute, and begin anew when something is heard (rule CN42).
 */

/** The first pause: more than nearly every round trip. */
export const repeatMs = 500

/** The longest pause. What has been silent for a while is noticed within as long again, or this. */
export const repeatMsMax = 60_000

/** When a packet is due again. */
export class Repetition {
  #pauseMs = repeatMs
  #sentAtMs: number | undefined
  #deadlineMs = Number.POSITIVE_INFINITY

  /** When the packet has to be sent again; `Infinity` before it was sent once. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** The packet leaves: a pause begins, and the next one will be twice as long. */
  sent(nowMs: number): void {
    this.#sentAtMs = nowMs
    this.#deadlineMs = nowMs + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, repeatMsMax)
  }

  /** The packet could not leave: it is tried again after a pause as long as the last one. */
  postponed(nowMs: number): void {
    this.#deadlineMs = nowMs + this.#pauseMs
  }

  /** There is a sign of life: pauses begin anew. Whoever makes up signs gains a packet in 500 ms. */
  heard(nowMs: number): void {
    this.#pauseMs = repeatMs
    if (this.#sentAtMs === undefined) return
    this.#deadlineMs = Math.min(this.#deadlineMs, Math.max(nowMs, this.#sentAtMs + repeatMs))
  }
}
