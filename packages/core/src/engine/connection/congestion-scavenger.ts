/**
 * The congestion controller of bulk (rules RC15 to RC18): it takes what others leave, and gives way
 * when packets begin to wait, long before one is lost or marked. After LEDBAT++
 * (draft-irtf-iccrg-ledbat-plus-plus-01; RFC 6817 is the idea's origin).
 *
 * It compares the least round trip of each round with that of the empty path: the difference is the
 * time that packets wait. Its own packets wait too, so now and then it slows down and measures the
 * empty path.
 */

import {
  boundedWindowBytes,
  congestionWindowPacketsMin,
  initialWindowBytes,
  packetBytesAssumed,
  type Acknowledged,
  type CongestionController,
} from './congestion.ts'
import { EmptyPath } from './empty-path.ts'
import { LongQueue } from './long-queue.ts'

/** How long packets may wait for each other, at most: well below what a person notices. */
export const queueingTargetMs = 60

/**
 * A faster flow aims at less: at this over the root of its rate in bytes a millisecond, from 100 kB/s
 * on. So the faster one of two that share a path gives way first, until both are as fast, even where
 * one takes the path for some milliseconds longer than the other does.
 */
const targetScale = 600

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

/** That is told by so many round trips, of every other packet: single ones are late by chance. */
const slowStartSamplesMin = 4
const slowStartSamplesMax = 16

/** Of what arrives, added to the window in slow start, at least: half as fast as the default. */
const slowStartGainMin = 1 / 2

/** What growth refers to, in milliseconds: whoever has the longer round trip does not grow slower. */
const growthMs = 100

/**
 * In that time the window grows by the root of this times what the flow carries in a millisecond, in
 * bytes. Growth by a part of the rate would never make those equal who share a path, and the same
 * growth at every rate would take minutes to, on a fast one.
 */
const growthScaleBytes = 2048

/**
 * While packets wait no longer than this part of the target, it grows by this part of itself at least;
 * a round adds no more than that.
 */
const freeQueuePart = 1 / 4
const freeGrowthPart = 1 / 8

/** Share of the window kept after a loss or a mark. */
const reductionFactor = 0.7

/** A slowdown leaves this part of what fits the path: its queue runs dry, it does not. */
const slowdownPart = 1 / 2

/** Rounds of a slowdown, at most: in the first there still is what had been sent before. */
const slowdownRoundsMax = 10

/**
 * Between two slowdowns, in milliseconds at least, and in durations of the last one: a tenth of the time
 * goes to measuring, at most. Those who share a path slow down as often as each other, on most paths.
 */
const slowdownPauseMsMin = 5_000
const slowdownPause = 9

/** A slowdown that goes on. */
interface Slowdown {
  readonly startMs: number
  /** What of the window fits the path without a queue, and what with half of the queue aimed at. */
  readonly fittingBytes: number
  readonly queueingBytes: number
  roundCount: number
}

/** See the file header. */
export class Scavenger implements CongestionController {
  readonly #path = new EmptyPath()
  #packetBytes = packetBytesAssumed
  #windowBytes = initialWindowBytes(packetBytesAssumed) * initialPart
  #inSlowStart = true
  #slowStartThresholdBytes = Number.POSITIVE_INFINITY
  #recoveryStartMs = Number.NEGATIVE_INFINITY
  #roundStartMs = Number.NEGATIVE_INFINITY
  #roundWasLimited = false
  readonly #longQueue = new LongQueue()
  /** The latest round trips in slow start. */
  readonly #latestMs: number[] = []
  #slowStartEndMs = Number.NEGATIVE_INFINITY
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
    if (roundTripMs !== undefined) {
      this.#path.measured(roundTripMs)
      if (this.#inSlowStart) this.#endSlowStart(roundTripMs, nowMs)
    }
    if (isLimited) this.#roundWasLimited = true
    if (sentAtMs <= this.#recoveryStartMs) return
    if (this.#inSlowStart && this.#slowdown === undefined && isLimited) {
      const gain = Math.max(slowStartGainMin, this.#path.baseMs / (2 * queueingTargetMs))
      this.#setWindow(this.#windowBytes + bytes * Math.min(1, gain))
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
    const queueingMs = this.#path.queueingMs(this.#path.roundLeastMs)
    if (Number.isFinite(queueingMs)) {
      const targetMs = Math.min(this.#wantedMs, queueingMs * targetPart)
      this.#wantedMs = Math.max(queueingTargetMsMin, targetMs)
    }
    this.#recoveryStartMs = nowMs
    this.#longQueue.clear()
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
    this.#longQueue.clear()
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
    this.#longQueue.clear()
    this.#path.reset()
    this.#slowdown = undefined
    this.#slowdownAtMs = Number.POSITIVE_INFINITY
    this.#wantedMs = queueingTargetMs
    this.#before = undefined
  }

  #endRound(nowMs: number): void {
    const wasLimited = this.#roundWasLimited
    const roundStartMs = this.#roundStartMs
    this.#roundStartMs = nowMs
    this.#roundWasLimited = false
    if (this.#slowdown !== undefined) return this.#measureEmptyPath(this.#slowdown, nowMs)
    const roundTripMs = this.#path.endRound()
    if (roundTripMs === undefined) return
    // A round that began in slow start does not show yet where that led to.
    const isSettled = roundStartMs >= this.#slowStartEndMs && wasLimited
    if (isSettled && nowMs >= this.#slowdownAtMs) return this.#slowDown(roundTripMs, nowMs)
    this.#wantedMs = Math.min(queueingTargetMs, this.#wantedMs * (1 + targetGrowth))
    if (this.#inSlowStart) return
    const queueingMs = this.#path.queueingMs(roundTripMs)
    const targetMs = this.#targetMs(roundTripMs)
    const roundMs = nowMs - roundStartMs
    if (queueingMs > targetMs) return this.#shrink(queueingMs, targetMs, roundMs, nowMs)
    this.#longQueue.clear()
    const isFree = queueingMs <= targetMs * freeQueuePart
    if (wasLimited) this.#grow(isFree, roundTripMs, Math.min(roundMs, roundTripMs))
  }

  /** When all of the latest packets of slow start waited, it is over. */
  #endSlowStart(roundTripMs: number, nowMs: number): void {
    this.#latestMs.push(roundTripMs)
    const packets = this.windowBytes / this.#packetBytes
    const count = Math.min(Math.max(slowStartSamplesMin, packets / 8), slowStartSamplesMax)
    while (this.#latestMs.length > count) this.#latestMs.shift()
    if (this.#latestMs.length < Math.floor(count)) return
    const leastMs = Math.min(...this.#latestMs)
    const limitMs = Math.max(this.#wantedMs, this.#packetsMs(leastMs)) * slowStartPart
    if (this.#path.queueingMs(leastMs) > limitMs) this.#leaveSlowStart(nowMs)
  }

  #grow(isFree: boolean, roundTripMs: number, elapsedMs: number): void {
    const bytesPerMs = this.#windowBytes / roundTripMs
    const times = elapsedMs / growthMs
    const growthBytes = Math.sqrt(bytesPerMs * growthScaleBytes) * times
    const freeBytes = isFree ? this.#windowBytes * freeGrowthPart * Math.min(1, times) : 0
    this.#setWindow(this.#windowBytes + Math.max(growthBytes, freeBytes))
  }

  /** When packets wait too long again and again, the window shrinks by what is too much. */
  #shrink(queueingMs: number, targetMs: number, roundMs: number, nowMs: number): void {
    const leastMs = this.#longQueue.waited(queueingMs, roundMs, nowMs)
    if (leastMs === undefined) return
    const { baseMs } = this.#path
    const part = (baseMs + targetMs) / (baseMs + Math.max(targetMs, leastMs))
    this.#setWindow(this.#windowBytes * part)
  }

  #targetMs(roundTripMs: number): number {
    const bytesPerMs = this.windowBytes / roundTripMs
    const wantedMs = Math.min(this.#wantedMs, targetScale / Math.sqrt(bytesPerMs))
    return Math.max(wantedMs, this.#packetsMs(roundTripMs))
  }

  /** A packet that waits for the one before it is no queue yet, however long that takes. */
  #packetsMs(roundTripMs: number): number {
    return (queueingPacketsMin * this.#packetBytes * roundTripMs) / this.windowBytes
  }

  #setWindow(bytes: number): void {
    this.#windowBytes = boundedWindowBytes(bytes, this.#packetBytes)
  }

  #leaveSlowStart(nowMs: number): void {
    if (!this.#inSlowStart) return
    this.#inSlowStart = false
    this.#slowStartEndMs = nowMs
    this.#latestMs.length = 0
    // The first slowdown comes soon: the base was measured while the window grew.
    if (!Number.isFinite(this.#slowdownAtMs)) this.#slowdownAtMs = nowMs + 2 * this.#path.baseMs
  }

  #slowDown(roundTripMs: number, nowMs: number): void {
    const { baseMs } = this.#path
    const queueingMs = this.#path.queueingMs(roundTripMs)
    const wantedMs = Math.min(queueingMs, this.#targetMs(roundTripMs)) / 2
    const bytesPerMs = this.windowBytes / (baseMs + queueingMs)
    const fittingBytes = bytesPerMs * baseMs
    const queueingBytes = bytesPerMs * (baseMs + wantedMs)
    this.#slowdown = { startMs: nowMs, fittingBytes, queueingBytes, roundCount: 0 }
    this.#longQueue.clear()
    this.#setWindow(fittingBytes * slowdownPart)
  }

  /** A round of the slowdown is over; when enough is known the window grows back. */
  #measureEmptyPath(slowdown: Slowdown, nowMs: number): void {
    slowdown.roundCount += 1
    if (slowdown.roundCount === 1) return this.#path.begin()
    const isKnown = this.#path.endEmptyRound()
    if (!isKnown && slowdown.roundCount < slowdownRoundsMax) return
    this.#slowdown = undefined
    this.#inSlowStart = true
    this.#setWindow(slowdown.fittingBytes)
    // Into the other half of the queue all grow alike who share the path.
    this.#slowStartThresholdBytes = slowdown.queueingBytes
    const pauseMs = Math.max(slowdownPauseMsMin, slowdownPause * (nowMs - slowdown.startMs))
    this.#slowdownAtMs = nowMs + pauseMs
  }
}
