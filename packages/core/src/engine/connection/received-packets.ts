/**
 * What has been received: the replay window, and what the next acknowledgement says.
 *
 * Invariant: a packet number is accepted at most once in the life of a connection (CN10). The
 * window forgets from below, and what is below it is refused.
 */

import type { Priority } from '../link/link-port.ts'
import { RangeSet, type IntegerRange } from './range-set.ts'

/**
 * Ranges of packet numbers that are remembered. Each costs 16 bytes; a path that loses every tenth
 * packet leaves room for some 2,500 packets. Beyond it the lowest range is forgotten, and numbers up
 * to its end count as seen.
 */
export const receivedRangesMax = 256

/** Ranges in one acknowledgement: about 100 bytes at the most. The newest are told. */
export const acknowledgedRangesMax = 32

/** A peer may hold back an acknowledgement for that long (RFC 9000, section 18.2). */
export const acknowledgementDelayMsMax = 25

/** Packets that ask for an acknowledgement, until one is sent at once (RFC 9000, section 13.2.2). */
export const packetsPerAcknowledgement = 2

/**
 * The same for packets of bulk that follow an acknowledgement closely. Each costs both ends a packet
 * and two ciphers; one in `bulkAcknowledgementMsMin` is many in a round trip of bulk, which waits in
 * queues by nature.
 */
export const bulkPacketsPerAcknowledgementMax = 8

/** Acknowledgements of bulk keep that distance, unless there are so many packets to acknowledge. */
export const bulkAcknowledgementMsMin = 2

/** How many of the packets that arrived carried the mesh's congestion mark. */
export interface MarkCounts {
  /** Of priority bulk. */
  readonly bulk: number
  /** Of the other priorities. */
  readonly foreground: number
}

/** Nobody is congested. */
export const noMarks: MarkCounts = { bulk: 0, foreground: 0 }

/** How a packet came. */
export interface Arrival {
  /** Of the mesh packet around it. */
  readonly priority: Priority
  readonly congestionMarked: boolean
}

/** What an acknowledgement covered. */
export interface Report {
  readonly largest: number
  readonly stragglerCount: number
}

/** Replay window and acknowledgement policy of one connection. */
export class ReceivedPackets {
  readonly #seen = new RangeSet()
  /** Numbers below are refused without being remembered. */
  #replayFloor = 0
  /** Numbers below have been reported, and the peer knows it. */
  #reportFloor = 0
  #largest = -1
  #largestAtMs = 0
  /** Packets that arrived after a higher number. */
  #stragglerCount = 0
  #unacknowledgedCount = 0
  #reportedAtMs = Number.NEGATIVE_INFINITY
  #deadlineMs = Number.POSITIVE_INFINITY
  #marks: MarkCounts = noMarks

  /** Largest number received; -1 for none. */
  get largest(): number {
    return this.#largest
  }

  /** When an acknowledgement has to be sent; `Infinity` when none is owed. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** There is something to acknowledge, urgent or not. */
  get owed(): boolean {
    return this.#unacknowledgedCount > 0
  }

  /** Marked packets so far. */
  get marks(): MarkCounts {
    return this.#marks
  }

  /** How many ranges are remembered. */
  get rangeCount(): number {
    return this.#seen.size
  }

  /** The number was received before, or is too old to tell. */
  isReplay(packetNumber: number): boolean {
    return packetNumber < this.#replayFloor || this.#seen.has(packetNumber)
  }

  /** Takes in an authentic packet that is no replay. */
  received(
    packetNumber: number,
    acknowledgementEliciting: boolean,
    arrival: Arrival,
    nowMs: number,
  ): void {
    const inOrder = packetNumber === this.#largest + 1
    const { congestionMarked, priority } = arrival
    if (congestionMarked) this.#countMark(priority)
    this.#seen.add(packetNumber, packetNumber + 1)
    if (this.#seen.size > receivedRangesMax) {
      const { start, end } = this.#seen.at(0)
      this.#seen.remove(start, end)
      this.#replayFloor = end
    }
    if (packetNumber > this.#largest) {
      this.#largest = packetNumber
      this.#largestAtMs = nowMs
    } else {
      // A straggler: reports that are under way do not know of it, nor may those to come skip it.
      this.#stragglerCount += 1
      this.#reportFloor = Math.min(this.#reportFloor, packetNumber)
    }
    if (!acknowledgementEliciting) return
    this.#unacknowledgedCount += 1
    const atOnce = !inOrder || congestionMarked
    const deadlineMs = atOnce ? nowMs : this.#deadlineInOrder(priority, nowMs)
    this.#deadlineMs = Math.min(this.#deadlineMs, deadlineMs)
  }

  /** An acknowledgement is due now, if there is anything to tell: earlier ones may be lost. */
  repeat(nowMs: number): void {
    if (this.#largest < 0) return
    this.#unacknowledgedCount = Math.max(1, this.#unacknowledgedCount)
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs)
  }

  /** The ranges to report, highest first, at most `acknowledgedRangesMax`; none before the first packet. */
  report(): IntegerRange[] {
    const ranges: IntegerRange[] = []
    for (let index = this.#seen.size - 1; index >= 0; index -= 1) {
      const range = this.#seen.at(index)
      if (range.end <= this.#reportFloor || ranges.length === acknowledgedRangesMax) break
      ranges.push({ start: Math.max(range.start, this.#reportFloor), end: range.end })
    }
    return ranges
  }

  /** How long the largest number has been held back. */
  delayMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#largestAtMs)
  }

  /** An acknowledgement is on its way; hand what is returned to `reportAcknowledged`. */
  reported(nowMs: number): Report {
    this.#unacknowledgedCount = 0
    this.#reportedAtMs = nowMs
    this.#deadlineMs = Number.POSITIVE_INFINITY
    return { largest: this.#largest, stragglerCount: this.#stragglerCount }
  }

  /** The peer has seen that report: what it covered need not be told again. */
  reportAcknowledged(report: Report): void {
    if (report.stragglerCount !== this.#stragglerCount) return
    this.#reportFloor = Math.max(this.#reportFloor, report.largest)
  }

  #deadlineInOrder(priority: Priority, nowMs: number): number {
    const count = this.#unacknowledgedCount
    if (count < packetsPerAcknowledgement) return nowMs + acknowledgementDelayMsMax
    if (priority !== 'bulk' || count >= bulkPacketsPerAcknowledgementMax) return nowMs
    return Math.max(nowMs, this.#reportedAtMs + bulkAcknowledgementMsMin)
  }

  #countMark(priority: Priority): void {
    const { bulk, foreground } = this.#marks
    const isBulk = priority === 'bulk'
    this.#marks = { bulk: bulk + (isBulk ? 1 : 0), foreground: foreground + (isBulk ? 0 : 1) }
  }
}
