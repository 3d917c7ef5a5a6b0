/**
 * How much and how fast a channel that loses is sent on: its window by priority, the pace, and how
 * long its messages are (rules LK22 and LK23 of docs/specs/link.md).
 */

import { DeliveryRate } from './delivery-rate.ts'
import type { DeliverySnapshot } from './delivery-rate.ts'
import type { PriorityIndex } from './frame.ts'
import { Pacer } from './pacer.ts'
import { RateWindow } from './rate-window.ts'
import type { Progress } from './sent-message.ts'

/** What urgent frames may be sent beyond the window of bulk data, as a part of that window. */
const urgentShare = 1 / 4

/** The same in messages, at least. */
const urgentMessagesMin = 2

/**
 * On a slow channel messages are only so long, in milliseconds of its bandwidth and in bytes: a window
 * of four of them is still short enough for a keystroke.
 */
const messageMsMax = 25
const shortMessageBytes = 256

/** Longer messages are of no use before the bandwidth is known, in bytes: those of Ethernet. */
const unmeasuredMessageBytes = 1_452

/** See the file header. */
export class SendPace {
  readonly #rate = new DeliveryRate()
  readonly #window = new RateWindow()
  readonly #pacer = new Pacer()
  /** Something waits for the pacer. */
  #isWaiting = false

  get bandwidthBytesPerSecond(): number | undefined {
    return this.#window.bandwidthBytesPerSecond
  }

  get lossRatio(): number | undefined {
    return this.#window.lossRatio
  }

  /** Longer messages would take too long. */
  get usefulMessageBytes(): number {
    const { bandwidthBytesPerSecond } = this.#window
    if (bandwidthBytesPerSecond === undefined) return unmeasuredMessageBytes
    const quickBytes = Math.floor((bandwidthBytesPerSecond / 1000) * messageMsMax)
    return Math.max(shortMessageBytes, quickBytes)
  }

  /** What may be under way when a message of that length and priority is added. */
  limitBytes(messageBytes: number, priority: PriorityIndex): number {
    const windowBytes = this.#window.bytes(messageBytes)
    const urgentBytes = Math.max(windowBytes * urgentShare, messageBytes * urgentMessagesMin)
    return windowBytes + (urgentBytes * (3 - priority)) / 3
  }

  /** Whether a message of that length may leave now; else it is asked again in time. */
  allows(messageBytes: number, nowMs: number): boolean {
    const bytesPerMs = this.#window.pacingBytesPerMs(messageBytes)
    const allows = this.#pacer.allows(messageBytes, bytesPerMs, nowMs)
    this.#isWaiting = !allows
    return allows
  }

  /** What a message that leaves now remembers, with that many bytes under way before it. */
  snapshot(underWayBytes: number, nowMs: number): DeliverySnapshot {
    return this.#rate.snapshot(underWayBytes === 0, nowMs)
  }

  /** A message with contents or a probe has left. */
  sent(bytes: number): void {
    this.#pacer.left(bytes)
  }

  /** The window or the pace holds back what there is to send; or there is no more. */
  filling(isFilling: boolean): void {
    this.#rate.filling(isFilling)
  }

  /** Something new was acknowledged. */
  progressed(
    progress: Progress,
    smoothedRttMs: number,
    underWayBytes: number,
    nowMs: number,
  ): void {
    const { bytes, messages, newest, rttMs, inVain } = progress
    this.#rate.delivered(bytes, nowMs)
    if (inVain > 0) this.#window.lostInVain(inVain)
    const sample = newest && this.#rate.sample(newest, this.#window.leastRttMs)
    const windowProgress = { bytes, messages, rttMs, sample, smoothedRttMs, underWayBytes }
    this.#window.acknowledged(windowProgress, nowMs)
  }

  /** A message was lost. */
  lost(): void {
    this.#window.lost()
  }

  /** When something that waits for the pacer may leave, with messages of that length. */
  nextDeadlineMs(messageBytes: number): number {
    const bytesPerMs = this.#isWaiting ? this.#window.pacingBytesPerMs(messageBytes) : undefined
    return bytesPerMs === undefined ? Number.POSITIVE_INFINITY : this.#pacer.allowsAtMs(bytesPerMs)
  }

  /** A deadline is handled: whoever waits asks again. */
  handleDeadline(): void {
    this.#isWaiting = false
  }
}
