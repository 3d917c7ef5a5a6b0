/**
 * Messages of a channel that is reliable and ordered: they are their contents, but for size probes.
 * What may be under way is what the driver has not reported as drained (rule LK11 of
 * docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import { ChannelCredit } from './channel-credit.ts'
import type { Allowance, ChannelMessages } from './channel-messages.ts'
import type { SizingOptions } from './message-sizing.ts'
import { encodeSizeProbe, probeHeaderByte } from './size-probe.ts'
import { SizeProbing } from './size-probing.ts'

/** See the file header. */
export class PlainMessages implements ChannelMessages {
  readonly rttMs = undefined
  readonly lossRatio = undefined
  readonly isDelivered = true
  readonly #context: EngineContext
  readonly #probing: SizeProbing
  readonly #credit: ChannelCredit
  #received: Uint8Array | undefined

  /** The rate is what the channel is taken to carry before it is measured. */
  constructor(context: EngineContext, sizing: SizingOptions, startBytesPerMs: number) {
    this.#context = context
    this.#probing = new SizeProbing(context, sizing)
    this.#credit = new ChannelCredit(startBytesPerMs)
  }

  get bandwidthBytesPerSecond(): number | undefined {
    return this.#credit.bandwidthBytesPerSecond
  }

  get messageBytes(): number {
    return this.#probing.sizing.bytes
  }

  receive(bytes: Uint8Array, nowMs: number): boolean {
    this.#probing.heard(nowMs)
    if (this.#probing.isProven && bytes[0] === probeHeaderByte) {
      this.#probing.received(bytes, bytes.length)
    } else {
      this.#received = bytes
    }
    return true
  }

  take(): Uint8Array | undefined {
    const bytes = this.#received
    this.#received = undefined
    return bytes
  }

  proven(): void {
    this.#probing.proven()
  }

  takeControl(): Uint8Array | undefined {
    return this.#probing.takeAnswer()
  }

  controlReceived(payload: Uint8Array, nowMs: number): boolean {
    return this.#probing.answered(payload, nowMs)
  }

  transmitFirst(nowMs: number): Uint8Array | undefined {
    const roomBytes = this.#credit.limitBytes(3) - this.#credit.outstandingBytes
    const probe = this.#probing.takeProbe(roomBytes, nowMs)
    return probe && encodeSizeProbe(probe, probe.messageBytes)
  }

  allowance(): Allowance | undefined {
    const wasWaiting = this.#credit.isWaiting
    const allowance = this.#credit.allowance(this.messageBytes)
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
    return this.#probing.sizing.nextDeadlineMs()
  }

  handleDeadline(nowMs: number): void {
    this.#probing.sizing.handleDeadline(nowMs)
  }
}
