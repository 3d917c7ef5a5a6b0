/**
 * Credit given to the peer: how far it may send, on a stream or on the connection as a whole.
 *
 * The limit only grows. It is announced anew when half the window is used up, and the window
 * doubles, up to its maximum, when it was used up within two round trips: then it held the sender
 * back (rule ST6).
 */

/**
 * Round trips are taken for half of this at least: the one that is measured here has not waited in
 * the queues of the other end's bulk, nor for its application.
 */
const growMsMin = 100

/** One limit and its window. */
export class ReceiveWindow {
  #windowBytes: number
  readonly #windowBytesMax: number
  #limit: number
  #consumed = 0
  #announcedAtMs = Number.NEGATIVE_INFINITY

  constructor(windowBytes: number, windowBytesMax: number) {
    this.#windowBytes = windowBytes
    this.#windowBytesMax = windowBytesMax
    this.#limit = windowBytes
  }

  /** The peer may send up to this offset (or this sum of offsets), exclusive. */
  get limit(): number {
    return this.#limit
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  /** Bytes have left the buffer for good; true when a new limit should be announced. */
  consume(bytes: number): boolean {
    this.#consumed += bytes
    return this.#limit - this.#consumed <= this.#windowBytes / 2
  }

  /** Moves the limit on, and returns it for announcement. */
  advance(nowMs: number, rttMs: number): number {
    if (nowMs - this.#announcedAtMs < Math.max(growMsMin, 2 * rttMs)) {
      this.#windowBytes = Math.min(this.#windowBytes * 2, this.#windowBytesMax)
    }
    this.#announcedAtMs = nowMs
    this.#limit = Math.max(this.#limit, this.#consumed + this.#windowBytes)
    return this.#limit
  }
}
