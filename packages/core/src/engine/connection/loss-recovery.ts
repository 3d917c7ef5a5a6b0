/**
 * Which packets arrived, which are lost, and when to ask (RFC 9002, sections 5 and 6; rules RC1 to
 * RC5).
 *
 * The mesh sends packets of higher priority first, so packets overtake each other by design. Loss
 * is therefore judged among packets of one priority only: each has its own sequence.
 */

import type { IntegerRange } from './range-set.ts'
import { acknowledgementDelayMsMax, type Report } from './received-packets.ts'
import { RoundTrip } from './round-trip.ts'
import type { StreamPiece } from './send-stream.ts'

/** A packet is lost when that many sent after it, at its priority, have arrived. */
const packetThreshold = 3

/** Probes back off to this: a network that comes back is noticed within 8 s without an event. */
const probeTimeoutMsMax = 8000

/**
 * Packets under way at once. The receiver keeps one run of bytes for each gap between them, and
 * refuses to keep more than `reorderedRunsMax`.
 */
export const packetsInFlightMax = 2048

/** What of a packet has to be sent again when it is lost, or forgotten when it arrives. */
export type SentFrame =
  | { readonly type: 'stream'; readonly stream: number; readonly piece: StreamPiece }
  | { readonly type: 'connection-credit' }
  | { readonly type: 'stream-allowance' }
  | { readonly type: 'stream-credit'; readonly stream: number }
  | { readonly type: 'reset-stream'; readonly stream: number }
  | { readonly type: 'stop-sending'; readonly stream: number }
  | { readonly type: 'acknowledgement'; readonly report: Report }

/** A packet that asks for an acknowledgement. */
export interface SentPacket {
  readonly number: number
  /** Priority, 0 first. */
  readonly rank: number
  readonly bytes: number
  readonly frames: readonly SentFrame[]
  /** When it was handed to the mesh; undefined while the mesh refuses it. */
  sentAtMs: number | undefined
  /** Place among the packets of its rank. */
  sequence: number
}

/** What an acknowledgement or a deadline brought to light. */
export interface Findings {
  readonly arrived: readonly SentPacket[]
  readonly lost: readonly SentPacket[]
}

interface Rank {
  nextSequence: number
  largestAcknowledged: number
  inFlightCount: number
  lastSentAtMs: number
}

const nothing: Findings = { arrived: [], lost: [] }

/** The packets of one connection that are under way. */
export class LossRecovery {
  readonly roundTrip = new RoundTrip()
  /** By number, ascending. */
  readonly #sent = new Map<number, SentPacket>()
  readonly #ranks: readonly Rank[]
  #largestAcknowledged = -1
  #bytesInFlight = 0
  #probeCount = 0
  #lossDeadlineMs = Number.POSITIVE_INFINITY

  constructor(rankCount: number) {
    this.#ranks = Array.from({ length: rankCount }, () => ({
      nextSequence: 0,
      largestAcknowledged: -1,
      inFlightCount: 0,
      lastSentAtMs: 0,
    }))
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  get largestAcknowledged(): number {
    return this.#largestAcknowledged
  }

  /** Probes sent since anything was acknowledged. */
  get probeCount(): number {
    return this.#probeCount
  }

  /** Packets that are under way or wait for the mesh. */
  get packetCount(): number {
    return this.#sent.size
  }

  /** Registers a packet; numbers ascend. `accepted` follows when the mesh takes it. */
  add(packet: SentPacket): void {
    this.#sent.set(packet.number, packet)
  }

  /** The mesh has taken the packet. */
  accepted(packet: SentPacket, nowMs: number): void {
    const rank = this.#ranks[packet.rank]!
    packet.sentAtMs = nowMs
    packet.sequence = rank.nextSequence
    rank.nextSequence += 1
    rank.inFlightCount += 1
    rank.lastSentAtMs = nowMs
    this.#bytesInFlight += packet.bytes
  }

  /** Forgets a packet that the mesh never took. */
  withdraw(packet: SentPacket): void {
    this.#sent.delete(packet.number)
  }

  /**
   * Takes in an acknowledgement of the numbers below `nextNumber`. `undefined` when it names a
   * packet that was never sent.
   */
  acknowledge(
    ranges: readonly IntegerRange[],
    delayMs: number,
    nextNumber: number,
    nowMs: number,
  ): Findings | undefined {
    const largest = ranges[0]!.end - 1
    if (largest >= nextNumber) return undefined
    const arrived: SentPacket[] = []
    for (const range of ranges) this.#collect(range, arrived)
    for (const packet of arrived) if (packet.sentAtMs === undefined) return undefined
    this.#largestAcknowledged = Math.max(this.#largestAcknowledged, largest)
    if (arrived.length === 0) return nothing
    for (const packet of arrived) {
      this.#remove(packet)
      const rank = this.#ranks[packet.rank]!
      rank.largestAcknowledged = Math.max(rank.largestAcknowledged, packet.sequence)
      if (packet.number === largest) {
        this.roundTrip.sample(
          nowMs - packet.sentAtMs!,
          Math.min(delayMs, acknowledgementDelayMsMax),
        )
      }
    }
    this.#probeCount = 0
    return { arrived, lost: this.#detectLoss(nowMs) }
  }

  /** When `handleDeadline` has to be called; `Infinity` when nothing is under way. */
  deadlineMs(): number {
    return Math.min(this.#lossDeadlineMs, this.#probeDeadlineMs())
  }

  /** What is lost by now. Probes are asked for apart, by `takeProbes`. */
  handleDeadline(nowMs: number): Findings {
    if (nowMs < this.#lossDeadlineMs) return nothing
    return { arrived: [], lost: this.#detectLoss(nowMs) }
  }

  /** The oldest packet of each rank that has been silent for too long: send its frames again. */
  takeProbes(nowMs: number): SentPacket[] {
    if (nowMs < this.#probeDeadlineMs()) return []
    const timeoutMs = this.#probeTimeoutMs()
    const due = this.#ranks.map(
      (rank) => rank.inFlightCount > 0 && rank.lastSentAtMs + timeoutMs <= nowMs,
    )
    this.#probeCount += 1
    return this.#oldest((packet) => due[packet.rank]!, nowMs)
  }

  /** The path is new or back: the oldest packet of each rank, and patience anew. */
  restart(nowMs: number): SentPacket[] {
    this.#probeCount = 0
    this.roundTrip.reset()
    return this.#oldest(() => true, nowMs)
  }

  #oldest(wanted: (packet: SentPacket) => boolean, nowMs: number): SentPacket[] {
    const oldest = new Map<number, SentPacket>()
    for (const packet of this.#sent.values()) {
      if (packet.sentAtMs === undefined || oldest.has(packet.rank) || !wanted(packet)) continue
      oldest.set(packet.rank, packet)
      // The probe itself moves the deadline when it leaves; this does when the mesh is full.
      this.#ranks[packet.rank]!.lastSentAtMs = nowMs
    }
    return [...oldest.values()]
  }

  #collect(range: IntegerRange, arrived: SentPacket[]): void {
    const lowest = this.#sent.keys().next().value ?? range.end
    const start = Math.max(range.start, lowest)
    // A range may be wide and hostile: walk whichever is shorter, the range or what is under way.
    if (range.end - start <= this.#sent.size) {
      for (let number = start; number < range.end; number += 1) {
        const packet = this.#sent.get(number)
        if (packet !== undefined) arrived.push(packet)
      }
      return
    }
    for (const packet of this.#sent.values()) {
      if (packet.number >= range.end) return
      if (packet.number >= start) arrived.push(packet)
    }
  }

  #detectLoss(nowMs: number): SentPacket[] {
    const lost: SentPacket[] = []
    const delayMs = this.roundTrip.lossDelayMs()
    this.#lossDeadlineMs = Number.POSITIVE_INFINITY
    for (const packet of this.#sent.values()) {
      if (packet.sentAtMs === undefined) continue
      if (packet.number > this.#largestAcknowledged) break
      const overtakenBy = this.#ranks[packet.rank]!.largestAcknowledged - packet.sequence
      if (overtakenBy <= 0) continue
      if (overtakenBy >= packetThreshold || packet.sentAtMs + delayMs <= nowMs) lost.push(packet)
      else this.#lossDeadlineMs = Math.min(this.#lossDeadlineMs, packet.sentAtMs + delayMs)
    }
    for (const packet of lost) this.#remove(packet)
    return lost
  }

  #remove(packet: SentPacket): void {
    this.#sent.delete(packet.number)
    this.#ranks[packet.rank]!.inFlightCount -= 1
    this.#bytesInFlight -= packet.bytes
  }

  #probeTimeoutMs(): number {
    const timeoutMs = this.roundTrip.probeTimeoutMs(acknowledgementDelayMsMax)
    return Math.min(timeoutMs * 2 ** Math.min(this.#probeCount, 16), probeTimeoutMsMax)
  }

  #probeDeadlineMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const rank of this.#ranks) {
      if (rank.inFlightCount > 0) earliestMs = Math.min(earliestMs, rank.lastSentAtMs)
    }
    return earliestMs + this.#probeTimeoutMs()
  }
}
