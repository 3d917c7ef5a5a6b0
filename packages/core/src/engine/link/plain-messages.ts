/**
 * Messages of a channel that is reliable and ordered: they are their contents. What may be under way
 * is what the driver has not reported as drained (rule LK11 of docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import { ChannelCredit } from './channel-credit.ts'
import type { Allowance, ChannelMessages } from './channel-messages.ts'

/** See the file header. */
export class PlainMessages implements ChannelMessages {
  readonly rttMs = undefined
  readonly lossRatio = undefined
  readonly isDelivered = true
  readonly #context: EngineContext
  readonly #messageBytes: number
  readonly #credit: ChannelCredit
  #received: Uint8Array | undefined

  /** Messages are no longer than `messageBytes`; the rate is what the channel is taken to carry. */
  constructor(context: EngineContext, messageBytes: number, startBytesPerMs: number) {
    this.#context = context
    this.#messageBytes = messageBytes
    this.#credit = new ChannelCredit(startBytesPerMs)
  }

  get bandwidthBytesPerSecond(): number | undefined {
    return this.#credit.bandwidthBytesPerSecond
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
    const wasWaiting = this.#credit.isWaiting
    const allowance = this.#credit.allowance(this.#messageBytes)
    if (!wasWaiting && this.#credit.isWaiting) this.#context.recorder.link.creditWaits.add()
    return allowance
  }

  wrap(contents: Uint8Array): Uint8Array {
    return contents
  }

  idle(): void {}

  transmitLast(): undefined {}

  sent(bytes: number, nowMs: number): void {
    this.#credit.sent(bytes, nowMs)
  }

  drained(totalBytes: number, nowMs: number): void {
    this.#credit.drained(totalBytes, nowMs)
  }

  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY
  }

  handleDeadline(): void {}
}
