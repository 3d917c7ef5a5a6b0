/**
 * The default congestion controller (rules RC6, RC7 and RC11): slow start until a queue shows, then one
 * packet more a round trip, and 0.7 of the window after a loss or a congestion mark.
 */

import {
  boundedWindowBytes,
  congestionWindowPacketsMin,
  initialWindowBytes,
  packetBytesAssumed,
  type Acknowledged,
  type CongestionController,
} from './congestion.ts'
import { SlowStartExit } from './slow-start-exit.ts'

/** Share of the window kept after a loss or a mark. */
const reductionFactor = 0.7

/** Slow start grows by this part of what arrives while its end may have shown (RFC 9406). */
const carefulGrowth = 1 / 4

/** See the file header. */
export class AdditiveIncrease implements CongestionController {
  #packetBytes = packetBytesAssumed
  #windowBytes = initialWindowBytes(packetBytesAssumed)
  #slowStartThresholdBytes = Number.POSITIVE_INFINITY
  #recoveryStartMs = Number.NEGATIVE_INFINITY
  #exit = new SlowStartExit()
  /** Before the latest reduction, for taking it back. */
  #before: { readonly windowBytes: number; readonly thresholdBytes: number } | undefined

  get windowBytes(): number {
    return boundedWindowBytes(this.#windowBytes, this.#packetBytes)
  }

  acknowledged(acknowledged: Acknowledged, nowMs: number): void {
    const { bytes, sentAtMs, roundTripMs, isLimited } = acknowledged
    // What was sent before the last reduction says nothing of the smaller window.
    if (sentAtMs <= this.#recoveryStartMs) return
    const inSlowStart = this.#windowBytes < this.#slowStartThresholdBytes
    const phase = inSlowStart ? this.#exit.acknowledged(roundTripMs, sentAtMs, nowMs) : 'over'
    if (inSlowStart && phase === 'over') this.#slowStartThresholdBytes = this.#windowBytes
    if (!isLimited) return
    const growth =
      phase === 'start'
        ? bytes
        : phase === 'careful'
          ? bytes * carefulGrowth
          : (this.#packetBytes * bytes) / this.windowBytes
    this.#windowBytes = boundedWindowBytes(this.#windowBytes + growth, this.#packetBytes)
  }

  congested(_cause: 'loss' | 'mark', sentAtMs: number, nowMs: number): boolean {
    if (sentAtMs <= this.#recoveryStartMs) return false
    this.#before = {
      windowBytes: this.#windowBytes,
      thresholdBytes: this.#slowStartThresholdBytes,
    }
    this.#recoveryStartMs = nowMs
    this.#windowBytes = this.windowBytes * reductionFactor
    this.#slowStartThresholdBytes = this.#windowBytes
    return true
  }

  undo(): void {
    if (this.#before === undefined) return
    this.#windowBytes = Math.max(this.#windowBytes, this.#before.windowBytes)
    this.#slowStartThresholdBytes = this.#before.thresholdBytes
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
  }

  collapse(): void {
    this.#windowBytes = congestionWindowPacketsMin * this.#packetBytes
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
    this.#exit = new SlowStartExit()
  }

  reset(pathBytes: number): void {
    this.#windowBytes = initialWindowBytes(pathBytes)
    this.#slowStartThresholdBytes = Number.POSITIVE_INFINITY
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
    this.#exit = new SlowStartExit()
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes
  }
}
