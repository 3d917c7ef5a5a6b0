/**
 * How much may be under way on a channel with acknowledgements (rule LK23 of docs/specs/link.md):
 * what its measured bandwidth carries in a round trip, and a little queue on top.
 *
 * Modelled on BBR (draft-cardwell-iccrg-bbr-congestion-control): losses at random do not slow it
 * down, a queue that grows and heavy loss do. It has no gain cycle: the queue on top is what finds
 * out that a path became faster.
 *
 * Invariant: the window lies between four messages (1 KiB at least) and `underWayBytesMax`.
 */

import type { RateSample } from './delivery-rate.ts'
import { LossLevel } from './loss-level.ts'

/** Bytes under way, at most; more would wait where no priority reaches it. */
export const underWayBytesMax = 256 * 1024

/** Before anything is known: what a path takes at once without harm (RFC 6928 allows 10 messages). */
const initialMessages = 16
const initialWindowBytes = 32 * 1024

/** Smallest window, in bytes, and in messages: with fewer, growth would be lost in rounding (BBR: 4). */
const windowBytesMin = 1024
const windowMessagesMin = 4

/** Queue that is allowed on top of the path itself, as a part of its round trip, and in milliseconds. */
const queueRoundTrips = 1 / 4
const queueMsMin = 20
const queueMsMax = 100

/** Rounds whose best rate counts; a slower path is believed after so many (BBR: 10). */
const bandwidthRounds = 10

/** The start is over when the rate has not grown by this factor for that many rounds (BBR: full pipe). */
const startGrowth = 1.25
const startRounds = 3

/** And it is over at once when the middle one of so many latest samples shows a queue. */
const queueingSamples = 8

/** Of what has arrived so far, as much as that must be under way then. */
const queueingShare = 1 / 4

/** Faster than the measured rate, so that the window and not the pace finds out a faster path. */
const pacing = 1.25
const startPacing = 2

/** Share of a round trip's bytes in the window while the least round trip is measured anew. */
const measuringShare = 0.75

/** How long the least round trip is believed, in milliseconds: paths change (BBR: 10 s). */
export const leastRttLifetimeMs = 10_000

/** What an acknowledgement of something new brought. */
export interface WindowProgress {
  readonly bytes: number
  readonly messages: number
  readonly rttMs: number | undefined
  readonly sample: RateSample | undefined
  readonly smoothedRttMs: number
  /** Still under way. */
  readonly underWayBytes: number
}

/** See the file header. Bytes are those of messages, headers included. */
export class RateWindow {
  readonly #losses = new LossLevel()
  /** Best rate of each of the last rounds, in bytes per millisecond. */
  readonly #rates: number[] = [0]
  #bandwidth = 0
  #isStarting = true
  #startBytes = 0
  #startBandwidth = 0
  #startRounds = 0
  #roundEndsAtMs = 0
  readonly #rttMs = new RoundQuartile()
  /** The latest samples of the start. */
  readonly #latestMs: number[] = []
  #leastRttMs = Number.POSITIVE_INFINITY
  #leastAtMs = 0
  /** While the least round trip is measured anew. */
  #measuring: { hasBegun: boolean } | undefined

  /** Undefined until the path, not the sender or its start, was the limit. */
  get bandwidthBytesPerSecond(): number | undefined {
    return this.#isStarting ? undefined : this.#bandwidth * 1000
  }

  /** Smoothed share of messages that were lost; undefined until enough were sent. */
  get lossRatio(): number | undefined {
    return this.#losses.smoothed
  }

  /** The round trip of the path without a queue; 0 until it was measured. */
  get leastRttMs(): number {
    return this.#leastRttMs === Number.POSITIVE_INFINITY ? 0 : this.#leastRttMs
  }

  /**
   * How fast to send messages of that length, in bytes per millisecond; undefined while nothing is
   * known.
   */
  pacingBytesPerMs(messageBytes: number): number | undefined {
    if (this.#leastRttMs === Number.POSITIVE_INFINITY) return undefined
    if (!this.#isStarting) return this.#bandwidth * pacing
    return (this.bytes(messageBytes) / this.#leastRttMs) * startPacing
  }

  /** What may be under way of bulk data, with messages of that length. */
  bytes(messageBytes: number): number {
    const leastBytes = Math.max(windowBytesMin, windowMessagesMin * messageBytes)
    return Math.min(underWayBytesMax, Math.max(leastBytes, this.#plainBytes(messageBytes)))
  }

  acknowledged(progress: WindowProgress, nowMs: number): void {
    const { bytes, messages, rttMs, sample } = progress
    this.#losses.arrived(messages)
    if (this.#isStarting) this.#startBytes += bytes
    if (rttMs !== undefined) this.#rttMs.add(rttMs)
    if (sample) this.#takeSample(sample)
    if (this.#isStarting) this.#endStartIfQueueing(rttMs, progress.underWayBytes)
    if (nowMs >= this.#roundEndsAtMs) {
      this.#roundEndsAtMs = nowMs + progress.smoothedRttMs
      this.#roundEnded(sample, progress.underWayBytes, nowMs)
    }
  }

  lost(): void {
    this.#losses.lost()
  }

  /** Messages that counted as lost had arrived. */
  lostInVain(messages: number): void {
    this.#losses.lostInVain(messages)
  }

  #plainBytes(messageBytes: number): number {
    const leastMs = this.#leastRttMs
    const share = this.#losses.windowShare
    if (this.#isStarting || leastMs === Number.POSITIVE_INFINITY) {
      const initialBytes = Math.min(initialWindowBytes, initialMessages * messageBytes)
      return (initialBytes + this.#startBytes) * share
    }
    if (this.#measuring) return this.#bandwidth * leastMs * measuringShare
    return this.#bandwidth * (leastMs + queueMs(leastMs)) * share + messageBytes
  }

  #takeSample({ bytesPerMs, isLimited }: RateSample): void {
    // A rate that the sender held down tells only that the path is at least that fast.
    const isHeldDown = isLimited || this.#losses.isHeldDown
    if (isHeldDown && bytesPerMs <= this.#bandwidth) return
    this.#rates[0] = Math.max(this.#rates[0] ?? 0, bytesPerMs)
    this.#bandwidth = Math.max(...this.#rates)
  }

  /** Before the round is over: until then the window would have doubled once more. */
  #endStartIfQueueing(rttMs: number | undefined, underWayBytes: number): void {
    // What a trickle waits for is no queue of its own.
    if (rttMs === undefined || underWayBytes < this.#startBytes * queueingShare) return
    this.#latestMs.push(rttMs)
    if (this.#latestMs.length > queueingSamples) this.#latestMs.shift()
    if (this.#latestMs.length < queueingSamples) return
    const middleMs = this.#latestMs.toSorted((left, right) => left - right)[queueingSamples / 2]!
    if (middleMs > this.#leastRttMs + queueMs(this.#leastRttMs)) this.#isStarting = false
  }

  #roundEnded(sample: RateSample | undefined, underWayBytes: number, nowMs: number): void {
    this.#losses.judge()
    const hasRate = (this.#rates[0] ?? 0) > 0
    if (hasRate) {
      this.#rates.unshift(0)
      this.#rates.length = Math.min(this.#rates.length, bandwidthRounds)
    }
    const roundMs = this.#rttMs.take()
    if (roundMs === undefined) return
    this.#measureLeast(roundMs, underWayBytes, nowMs)
    if (!this.#isStarting || !sample || sample.isLimited) return
    const hasGrown = this.#bandwidth >= this.#startBandwidth * startGrowth
    this.#startRounds = hasGrown ? 0 : this.#startRounds + 1
    if (hasGrown) this.#startBandwidth = this.#bandwidth
    const isQueueing = roundMs > this.#leastRttMs + queueMs(this.#leastRttMs)
    if (this.#startRounds >= startRounds || isQueueing || this.#losses.isHeldDown) {
      this.#isStarting = false
    }
  }

  /**
   * A path's own queue hides in its round trip: now and then less is sent until a round has passed
   * without a queue, and its round trip counts anew.
   */
  #measureLeast(roundMs: number, underWayBytes: number, nowMs: number): void {
    const isStale = nowMs - this.#leastAtMs >= leastRttLifetimeMs
    if (roundMs <= this.#leastRttMs || (isStale && this.#measuring?.hasBegun)) {
      this.#leastRttMs = roundMs
      this.#leastAtMs = nowMs
      this.#measuring = undefined
    } else if (isStale && !this.#isStarting) {
      // The round after the one in which the queue has gone is the first without it.
      const isQuiet = underWayBytes <= this.#bandwidth * this.#leastRttMs
      this.#measuring = { hasBegun: this.#measuring !== undefined && isQuiet }
    }
  }
}

function queueMs(leastRttMs: number): number {
  return Math.min(queueMsMax, Math.max(queueMsMin, leastRttMs * queueRoundTrips))
}

/** Samples of a round, at least and at most: the first ones of it. */
const roundSamplesMin = 5
const roundSamplesMax = 64

/** Which part of the samples is below the one that counts. */
const quartile = 3 / 4

/** The upper quartile of a round: some messages come early or late, three in four of them do not. */
class RoundQuartile {
  #samples: number[] = []

  add(value: number): void {
    if (this.#samples.length < roundSamplesMax) this.#samples.push(value)
  }

  /** Of what was added since it was taken last, if that was enough. */
  take(): number | undefined {
    if (this.#samples.length < roundSamplesMin) return undefined
    const sorted = this.#samples.sort((left, right) => left - right)
    this.#samples = []
    return sorted[Math.floor(sorted.length * quartile)]
  }
}
