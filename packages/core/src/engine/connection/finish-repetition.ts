/** Repeats the handshake's last packet, on the initiator's side, until the responder is heard. */

import { assert } from '../assert.ts'

/** First repetition of the handshake's last packet, and the longest pause between repetitions. */
const finishRepeatMs = 500
const finishRepeatMsMax = 8000

/** Pauses double from repetition to repetition. The responder's side has nothing to repeat. */
export class FinishRepetition {
  #packet: Uint8Array | undefined
  #deadlineMs = Number.POSITIVE_INFINITY
  #pauseMs = finishRepeatMs

  constructor(packet: Uint8Array | undefined) {
    this.#packet = packet
  }

  /** The responder has not been heard yet. */
  get isPending(): boolean {
    return this.#packet !== undefined
  }

  /** When the packet has to be sent again; `Infinity` for never, and before it was sent once. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** The packet, to be sent now: the pause after it begins. */
  take(nowMs: number): Uint8Array {
    assert(this.#packet !== undefined, 'only an unconfirmed initiator repeats')
    this.#deadlineMs = nowMs + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, finishRepeatMsMax)
    return this.#packet
  }

  /** The responder has been heard: it has the packet. */
  confirmed(): void {
    this.#packet = undefined
    this.#deadlineMs = Number.POSITIVE_INFINITY
  }
}
