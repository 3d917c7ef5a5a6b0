/**
 * The default congestion controller (rules RC6, RC7 and RC11): slow start until a queue shows, then
 * growth as CUBIC has it, and 0.7 of the window after a loss, 0.85 after a congestion mark.
 */

import {
  boundedWindowBytes,
  congestionWindowPacketsMin,
  initialWindowBytes,
  packetBytesAssumed,
  type Acknowledged,
  type CongestionController,
} from './congestion.ts'
import { CubicGrowth } from './cubic-growth.ts'
import { SlowStartExit } from './slow-start-exit.ts'

/**
 * Share of the window kept after a loss, and after a mark: marks come while the queue is short, and a
 * window cut by more would leave the path idle until the queue has grown again (RFC 8511).
 */
const reductionFactors = { loss: 0.7, mark: 0.85 } as const

/** Slow start grows by this part of what arrives while its end may have shown (RFC 9406). */
const carefulGrowth = 1 / 4

/** Before the latest reduction, for taking it back. */
interface Former {
  readonly windowBytes: number
  readonly growth: CubicGrowth | undefined
  readonly highestBytes: number
}

/** See the file header. */
export class Cubic implements CongestionController {
  #packetBytes = packetBytesAssumed
  #windowBytes = initialWindowBytes(packetBytesAssumed)
  /** None in slow start. */
  #growth: CubicGrowth | undefined
  /** Where the window was reduced last. */
  #highestBytes = 0
  #recoveryStartMs = Number.NEGATIVE_INFINITY
  #exit = new SlowStartExit()
  #before: Former | undefined

  get windowBytes(): number {
    return boundedWindowBytes(this.#windowBytes, this.#packetBytes)
  }

  acknowledged(acknowledged: Acknowledged, nowMs: number): void {
    const { bytes, sentAtMs, roundTripMs, isLimited } = acknowledged
    // What was sent before the last reduction says nothing of the smaller window.
    if (sentAtMs <= this.#recoveryStartMs) return
    const { windowBytes } = this
    if (this.#growth === undefined) {
      const phase = this.#exit.acknowledged(roundTripMs, sentAtMs, nowMs)
      if (phase === 'over') this.#grow(windowBytes, nowMs)
      else if (isLimited)
        this.#setWindow(windowBytes + bytes * (phase === 'start' ? 1 : carefulGrowth))
      return
    }
    const elapsedMs = nowMs - sentAtMs
    const step = { bytes, isLimited, roundTripMs: elapsedMs, packetBytes: this.#packetBytes }
    this.#setWindow(this.#growth.acknowledged(windowBytes, step, nowMs))
  }

  congested(cause: 'loss' | 'mark', sentAtMs: number, nowMs: number): boolean {
    if (sentAtMs <= this.#recoveryStartMs) return false
    const { windowBytes } = this
    const growth = this.#growth
    const highestBytes = this.#highestBytes
    this.#before = { windowBytes, growth, highestBytes }
    this.#recoveryStartMs = nowMs
    const factor = reductionFactors[cause]
    this.#windowBytes = windowBytes * factor
    // Less than the time before: others have come, and are left more (RFC 9438, section 4.7).
    const isLess = windowBytes < highestBytes
    this.#highestBytes = windowBytes
    this.#grow(isLess ? (windowBytes * (1 + factor)) / 2 : windowBytes, nowMs)
    return true
  }

  undo(): void {
    if (this.#before === undefined) return
    const { windowBytes, growth, highestBytes } = this.#before
    this.#windowBytes = Math.max(this.#windowBytes, windowBytes)
    this.#growth = growth
    this.#highestBytes = highestBytes
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
  }

  collapse(): void {
    this.#begin(congestionWindowPacketsMin * this.#packetBytes)
  }

  reset(pathBytes: number): void {
    this.#begin(initialWindowBytes(pathBytes))
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes
  }

  #begin(windowBytes: number): void {
    this.#windowBytes = windowBytes
    this.#growth = undefined
    this.#highestBytes = 0
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
    this.#exit = new SlowStartExit()
  }

  /** Slow start is over, or the window was reduced: it grows towards `formerBytes` and beyond. */
  #grow(formerBytes: number, nowMs: number): void {
    this.#growth = new CubicGrowth(formerBytes, this.#windowBytes, this.#packetBytes, nowMs)
  }

  #setWindow(bytes: number): void {
    this.#windowBytes = boundedWindowBytes(bytes, this.#packetBytes)
  }
}
