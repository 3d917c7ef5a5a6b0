/**
 * The congestion controller of bulk (rules RC15 to RC18): it takes what others leave, and gives way
 * when packets begin to wait, long before one is lost or marked. After LEDBAT++
 * (draft-irtf-iccrg-ledbat-plus-plus-01; RFC 6817 is the idea's origin).
 *
 * It compares the least round trip of each round with the least of all: the difference is the time
 * that packets wait. Its own packets wait too, so now and then it slows down and measures the empty
 * path.
 */

import {
  boundedWindowBytes,
  congestionWindowPacketsMin,
  initialWindowBytes,
  packetBytesAssumed,
  type Acknowledged,
  type CongestionController,
} from './congestion.ts'

/** How long packets may wait for each other: well below what a person notices. */
export const queueingTargetMs = 60

/** Of the first window: bulk is in no hurry, and on a slow path a whole one would be a queue. */
const initialPart = 1 / 4

/** The target, too, gives way where queues are marked or lose packets sooner; but not below this. */
const queueingTargetMsMin = 10

/** Part of a queue that was marked or lost packets that becomes the target. */
const targetPart = 3 / 4

/** In a round trip without either the target grows by this part. */
const targetGrowth = 1 / 64

/** Packets that may wait in any case: on a slow path the target is less than one of them takes. */
const queueingPacketsMin = 1.5

/** Slow start ends at this part of the target. */
const slowStartPart = 3 / 4

/** A round trip grows the window by a packet at most, and by this part of one at least. */
const gainPartMin = 1 / 16

/** While hardly anything waits, a round grows the window by this part of it at least. */
const freeGainPart = 1 / 16

/** Share of the window kept after a loss or a mark. */
const reductionFactor = 0.7

/** A round never takes more than this part of the window. */
const decreasePartMax = 1 / 2

/** Of what arrives, added to the window in slow start, at least: half as fast as the default. */
const slowStartGainMin = 1 / 2

/** Measurements of which the least ends slow start: single ones are late by chance. */
const slowStartSamples = 4

/** A slowdown leaves this part of what fits the path: its queue runs dry, it does not. */
const slowdownPart = 1 / 2

/** Rounds of a slowdown: in the first there still is what had been sent before. */
const slowdownRounds = 2

/** Between two slowdowns, in durations of the last one: a tenth of the time goes to measuring. */
const slowdownPause = 9

/** Base delays remembered: each from one slowdown to the next. */
const basesKept = 3

/** A slowdown that goes on. */
interface Slowdown {
  readonly startMs: number
  /** The window before it, and what of it fits the path without a queue. */
  readonly windowBytes: number
  readonly fittingBytes: number
  roundCount: number
}

/** See the file header. */
export class Scavenger implements CongestionController {
  #packetBytes = packetBytesAssumed
  #windowBytes = initialWindowBytes(packetBytesAssumed) * initialPart
  #inSlowStart = true
  #slowStartThresholdBytes = Number.POSITIVE_INFINITY
  #recoveryStartMs = Number.NEGATIVE_INFINITY
  #roundStartMs = Number.NEGATIVE_INFINITY
  #roundLeastMs = Number.POSITIVE_INFINITY
  #roundWasLimited = false
  /** The latest measurements, for the end of slow start. */
  readonly #latestMs: number[] = []
  /** Least round trip between slowdowns, the latest last. */
  #bases: number[] = [Number.POSITIVE_INFINITY]
  #slowdown: Slowdown | undefined
  #slowdownAtMs = Number.POSITIVE_INFINITY
  /** The queueing that is aimed at. */
  #wantedMs = queueingTargetMs
  /** Before the latest reduction, for taking it back. */
  #before:
    | {
        readonly windowBytes: number
        readonly inSlowStart: boolean
        readonly wantedMs: number
      }
    | undefined

  get windowBytes(): number {
    return boundedWindowBytes(this.#windowBytes, this.#packetBytes)
  }

  acknowledged(acknowledged: Acknowledged, nowMs: number): void {
    const { bytes, sentAtMs, roundTripMs, isLimited } = acknowledged
    if (roundTripMs !== undefined) this.#measured(roundTripMs, nowMs)
    if (isLimited) this.#roundWasLimited = true
    if (sentAtMs <= this.#recoveryStartMs) return
    if (this.#inSlowStart && this.#slowdown === undefined && isLimited) {
      this.#windowBytes = boundedWindowBytes(
        this.#windowBytes + bytes * Math.max(this.#gain(), slowStartGainMin),
        this.#packetBytes,
      )
      if (this.#windowBytes >= this.#slowStartThresholdBytes) this.#leaveSlowStart(nowMs)
    }
    if (sentAtMs >= this.#roundStartMs) this.#endRound(nowMs)
  }

  congested(_cause: 'loss' | 'mark', sentAtMs: number, nowMs: number): boolean {
    if (sentAtMs <= this.#recoveryStartMs) return false
    this.#before = {
      windowBytes: this.#windowBytes,
      inSlowStart: this.#inSlowStart,
      wantedMs: this.#wantedMs,
    }
    const queueingMs = Math.min(...this.#latestMs) - this.#baseMs
    if (Number.isFinite(queueingMs)) {
      const targetMs = Math.min(this.#wantedMs, queueingMs * targetPart)
      this.#wantedMs = Math.max(queueingTargetMsMin, targetMs)
    }
    this.#recoveryStartMs = nowMs
    this.#windowBytes = this.windowBytes * reductionFactor
    this.#leaveSlowStart(nowMs)
    return true
  }

  undo(): void {
    if (this.#before === undefined) return
    this.#windowBytes = Math.max(this.#windowBytes, this.#before.windowBytes)
    this.#inSlowStart = this.#before.inSlowStart
    this.#wantedMs = this.#before.wantedMs
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#before = undefined
  }

  collapse(): void {
    this.#windowBytes = congestionWindowPacketsMin * this.#packetBytes
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#slowdown = undefined
    this.#before = undefined
    this.#inSlowStart = true
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes
  }

  reset(pathBytes: number): void {
    this.#windowBytes = initialWindowBytes(pathBytes) * initialPart
    this.#inSlowStart = true
    this.#slowStartThresholdBytes = Number.POSITIVE_INFINITY
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
    this.#roundStartMs = Number.NEGATIVE_INFINITY
    this.#roundLeastMs = Number.POSITIVE_INFINITY
    this.#bases = [Number.POSITIVE_INFINITY]
    this.#latestMs.length = 0
    this.#slowdown = undefined
    this.#slowdownAtMs = Number.POSITIVE_INFINITY
    this.#wantedMs = queueingTargetMs
    this.#before = undefined
  }

  get #baseMs(): number {
    return Math.min(...this.#bases)
  }

  /** Parts of a packet that a round trip adds: less on a short path, which grows more often. */
  #gain(): number {
    const parts = Math.ceil((2 * queueingTargetMs) / this.#baseMs)
    return Math.min(Math.max(gainPartMin, 1 / parts), 1)
  }

  #measured(roundTripMs: number, nowMs: number): void {
    this.#roundLeastMs = Math.min(this.#roundLeastMs, roundTripMs)
    const last = this.#bases.length - 1
    this.#bases[last] = Math.min(this.#bases[last]!, roundTripMs)
    this.#latestMs.push(roundTripMs)
    if (this.#latestMs.length > slowStartSamples) this.#latestMs.shift()
    if (!this.#inSlowStart || this.#latestMs.length < slowStartSamples) return
    const latestMs = Math.min(...this.#latestMs)
    const limitMs = this.#targetMs(latestMs) * slowStartPart
    if (latestMs - this.#baseMs > limitMs) this.#leaveSlowStart(nowMs)
  }

  #endRound(nowMs: number): void {
    const leastMs = this.#roundLeastMs
    const wasLimited = this.#roundWasLimited
    this.#roundStartMs = nowMs
    this.#roundLeastMs = Number.POSITIVE_INFINITY
    this.#roundWasLimited = false
    if (this.#slowdown !== undefined) return this.#measureEmptyPath(nowMs)
    if (nowMs >= this.#slowdownAtMs) return this.#slowDown(leastMs, nowMs)
    if (!Number.isFinite(leastMs)) return
    this.#wantedMs = Math.min(queueingTargetMs, this.#wantedMs * (1 + targetGrowth))
    const queueingMs = leastMs - this.#baseMs
    const targetMs = this.#targetMs(leastMs)
    if (this.#inSlowStart) return
    const gainBytes = this.#gain() * this.#packetBytes
    if (queueingMs <= targetMs) {
      const freePart = queueingMs <= targetMs / 2 ? freeGainPart : 0
      const growthBytes = Math.max(gainBytes, this.#windowBytes * freePart)
      if (wasLimited) this.#setWindow(this.#windowBytes + growthBytes)
      return
    }
    const excess = queueingMs / targetMs - 1
    const decreaseBytes = Math.min(this.#windowBytes * excess, this.#windowBytes * decreasePartMax)
    this.#setWindow(this.#windowBytes + gainBytes - decreaseBytes)
  }

  /** A packet that waits for the one before it is no queue yet, however long that takes. */
  #targetMs(roundTripMs: number): number {
    const packetMs = (this.#packetBytes * roundTripMs) / this.windowBytes
    return Math.max(this.#wantedMs, queueingPacketsMin * packetMs)
  }

  #setWindow(bytes: number): void {
    this.#windowBytes = boundedWindowBytes(bytes, this.#packetBytes)
  }

  #leaveSlowStart(nowMs: number): void {
    if (!this.#inSlowStart) return
    this.#inSlowStart = false
    // The first slowdown comes soon: the base was measured while the window grew.
    if (!Number.isFinite(this.#slowdownAtMs)) this.#slowdownAtMs = nowMs + 2 * this.#baseMs
  }

  #slowDown(roundTripMs: number, nowMs: number): void {
    const { windowBytes } = this
    const isMeasured = Number.isFinite(roundTripMs) && roundTripMs > 0
    const fittingBytes = isMeasured ? (windowBytes * this.#baseMs) / roundTripMs : windowBytes
    this.#slowdown = { startMs: nowMs, windowBytes, fittingBytes, roundCount: 0 }
    this.#setWindow(fittingBytes * slowdownPart)
    this.#bases.push(Number.POSITIVE_INFINITY)
    if (this.#bases.length > basesKept) this.#bases.shift()
  }

  /** A round at the smallest window is over; after the last one the window grows back. */
  #measureEmptyPath(nowMs: number): void {
    const slowdown = this.#slowdown!
    slowdown.roundCount += 1
    if (slowdown.roundCount < slowdownRounds) return
    this.#slowdown = undefined
    this.#inSlowStart = true
    this.#setWindow(slowdown.fittingBytes)
    this.#slowStartThresholdBytes = slowdown.windowBytes
    this.#slowdownAtMs = nowMs + slowdownPause * (nowMs - slowdown.startMs)
  }
}
