/**
 * Messages of a channel that is reliable and ordered: they are their contents. What may be under way
 * is what the driver has not reported as drained (rule LK11 of docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import { ChannelCredit, controlMessageBytesMax } from './channel-credit.ts'
import type { Allowance, ChannelMessages } from './channel-messages.ts'

/** See the file header. */
export class PlainMessages implements ChannelMessages {
  readonly rttMs = undefined
  readonly bandwidthBytesPerSecond = undefined
  readonly lossRatio = undefined
  readonly isDelivered = true
  readonly #context: EngineContext
  readonly #messageBytes: number
  readonly #credit = new ChannelCredit()
  #received: Uint8Array | undefined

  /** Messages are no longer than `messageBytes`. */
  constructor(context: EngineContext, messageBytes: number) {
    this.#context = context
    this.#messageBytes = messageBytes
  }

  receive(bytes: Uint8Array): boolean {
    this.#received = bytes
    return true
  }

  take(): Uint8Array | undefined {
    const bytes = this.#received
    this.#received = undefined
    return bytes
  }

  proven(): void {}

  transmitFirst(): undefined {}

  allowance(): Allowance | undefined {
    const wasWaiting = this.#credit.waiting
    const allowed = this.#credit.allowance(this.#messageBytes)
    if (!wasWaiting && this.#credit.waiting) this.#context.recorder.link.creditWaits.add()
    if (allowed === 'none') return undefined
    if (allowed === 'any') return { contentsBytes: this.#messageBytes, lowest: 3 }
    return { contentsBytes: Math.min(this.#messageBytes, controlMessageBytesMax), lowest: 0 }
  }

  wrap(contents: Uint8Array): Uint8Array {
    return contents
  }

  idle(): void {}

  transmitLast(): undefined {}

  sent(bytes: number): void {
    this.#credit.sent(bytes)
  }

  drained(totalBytes: number): void {
    this.#credit.drained(totalBytes)
  }

  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY
  }

  handleDeadline(): void {}
}
