/** Repeats the handshake's last packet, on the initiator's side, until the responder is heard. */

import { assert } from '../assert.ts'
import { Repetition } from './repetition.ts'

/** The responder's side has nothing to repeat. */
export class FinishRepetition {
  #packet: Uint8Array | undefined
  readonly #repetition = new Repetition()

  constructor(packet: Uint8Array | undefined) {
    this.#packet = packet
  }

  /** The responder has not been heard yet. */
  get isPending(): boolean {
    return this.#packet !== undefined
  }

  /** When the packet has to be sent again; `Infinity` for never, and before it was sent once. */
  get deadlineMs(): number {
    return this.#packet === undefined ? Number.POSITIVE_INFINITY : this.#repetition.deadlineMs
  }

  /** The packet, to be sent now: the pause after it begins. */
  take(nowMs: number): Uint8Array {
    assert(this.#packet !== undefined, 'only an unconfirmed initiator repeats')
    this.#repetition.sent(nowMs)
    return this.#packet
  }

  /** Something unproven came from the responder: pauses begin anew. */
  hinted(nowMs: number): void {
    this.#repetition.heard(nowMs)
  }

  /** The responder has been heard: it has the packet. */
  confirmed(): void {
    this.#packet = undefined
  }
}
