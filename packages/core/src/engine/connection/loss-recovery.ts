/**
 * Which packets arrived, which are lost, and when to ask (RFC 9002, sections 5 and 6; rules RC1 to
 * RC5, RC12 to RC14, RC19 and RC20).
 *
 * The mesh sends packets of higher priority first, so packets overtake each other by design. Loss
 * is therefore judged among packets of one priority only: each has its own sequence. And bulk waits
 * where others do not, so it has a round trip of its own.
 */

import { LostPackets } from './lost-packets.ts'
import { PersistentCongestion } from './persistent-congestion.ts'
import { RankQueue } from './rank-queue.ts'
import type { IntegerRange } from './range-set.ts'
import { acknowledgementDelayMsMax } from './received-packets.ts'
import { RoundTrip } from './round-trip.ts'
import {
  bulkFlow,
  flowOf,
  flows,
  foregroundFlow,
  type Flow,
  type SentPacket,
} from './sent-packet.ts'

/** A packet is lost when that many sent after it, at its priority, have arrived. */
const packetThreshold = 3

/**
 * Probes back off to this: a peer that is silent for ever costs a packet a minute. A network that comes
 * back without an event is noticed within as long again as it was away, or this.
 */
const probeTimeoutMsMax = 60_000

/** Longest round trip that is believed: a longer one measures the sleep of an end. */
const rttMsMax = 30_000

/**
 * Of a peer that is heard but acknowledges nothing, the path there loses all: probes go on at eight
 * times the first patience at most.
 */
const heardDoublings = 3

/**
 * Packets under way at once. The receiver keeps one run of bytes for each gap between them, and
 * refuses to keep more than `reorderedRunsMax`.
 */
export const packetsInFlightMax = 2048

/** The round trip of a packet, without the time for which its acknowledgement was held back. */
export interface Measured {
  readonly packet: SentPacket
  readonly roundTripMs: number
}

/** What an acknowledgement or a deadline brought to light. */
export interface Findings {
  readonly arrived: readonly SentPacket[]
  /** Declared lost before, and arrived after all. */
  readonly late: readonly SentPacket[]
  readonly lost: readonly SentPacket[]
  /** Of each flow at most one, its latest packet that arrived. */
  readonly measured: readonly Measured[]
  /** Flows of which nothing arrived for so long that their window is void. */
  readonly collapsed: readonly Flow[]
}

const nothing: Findings = { arrived: [], late: [], lost: [], measured: [], collapsed: [] }

interface FlowState {
  readonly roundTrip: RoundTrip
  /** When the first round trip of this path was known. */
  measuredAtMs: number
  bytesInFlight: number
}

/** The packets of one connection that are under way. */
export class LossRecovery {
  readonly #flows: readonly FlowState[] = flows.map(() => ({
    roundTrip: new RoundTrip(),
    measuredAtMs: Number.POSITIVE_INFINITY,
    bytesInFlight: 0,
  }))
  /** All that are under way or wait for the mesh, by number, ascending. */
  readonly #sent = new Map<number, SentPacket>()
  readonly #ranks: readonly RankQueue[]
  readonly #lost = new LostPackets()
  readonly #silence = new PersistentCongestion()
  #largestAcknowledged = -1
  #probeCount = 0
  #isSilent = false
  #lossDeadlineMs = Number.POSITIVE_INFINITY
  #path = 0
  /** How much later than others a packet of this path was found to come, in milliseconds. */
  #reorderMs = 0

  constructor(rankCount: number) {
    this.#ranks = Array.from({ length: rankCount }, () => new RankQueue())
  }

  /** Under way on this path, in bytes. */
  bytesInFlight(flow: Flow): number {
    return this.#flows[flow]!.bytesInFlight
  }

  /** The flow's estimate; that of the other one until it has a sample. */
  roundTrip(flow: Flow): RoundTrip {
    const own = this.#flows[flow]!.roundTrip
    if (own.hasSample) return own
    const other = this.#flows[flow === bulkFlow ? foregroundFlow : bulkFlow]!.roundTrip
    return other.hasSample ? other : own
  }

  get largestAcknowledged(): number {
    return this.#largestAcknowledged
  }

  /** Probes have been sent, and nothing has been heard since. */
  get isSilent(): boolean {
    return this.#isSilent
  }

  /** Packets that are under way or wait for the mesh. */
  get packetCount(): number {
    return this.#sent.size
  }

  /** The packet was sent on the path that there is now. */
  isOfThisPath(packet: SentPacket): boolean {
    return packet.path === this.#path
  }

  /** Registers a packet; numbers ascend. `accepted` follows when the mesh takes it. */
  add(packet: SentPacket): void {
    this.#sent.set(packet.number, packet)
  }

  /** The mesh has taken the packet. */
  accepted(packet: SentPacket, nowMs: number): void {
    packet.sentAtMs = nowMs
    packet.state = 'sent'
    packet.path = this.#path
    this.#ranks[packet.rank]!.sent(packet, nowMs)
    this.#flows[flowOf(packet.rank)]!.bytesInFlight += packet.bytes
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
    const late: SentPacket[] = []
    for (const range of ranges) {
      this.#collect(range, arrived)
      this.#lost.takeArrived(range, late)
    }
    for (const packet of arrived) if (packet.state === 'held') return undefined
    this.#largestAcknowledged = Math.max(this.#largestAcknowledged, largest)
    if (arrived.length === 0 && late.length === 0) return nothing
    for (const packet of arrived) {
      this.#remove(packet, 'arrived')
      const rank = this.#ranks[packet.rank]!
      rank.largestAcknowledged = Math.max(rank.largestAcknowledged, packet.sequence)
    }
    const measured = flows.flatMap((flow) => {
      const latest = latestOf(flow, arrived)
      if (latest === undefined) return []
      // One that was overtaken is acknowledged at once (RC5).
      const heldMs = latest.number === largest ? delayMs : 0
      return this.#measure(latest, heldMs, nowMs)
    })
    for (const packet of late) this.#cameLate(packet, nowMs)
    this.#silence.arrived(arrived)
    this.#probeCount = 0
    const lost = this.#detectLoss(nowMs)
    return { arrived, late, lost, measured, collapsed: this.#collapsedBy(lost) }
  }

  /** When `handleDeadline` has to be called; `Infinity` when nothing is under way. */
  deadlineMs(): number {
    return Math.min(this.#lossDeadlineMs, this.#probeDeadlineMs())
  }

  /** What is lost by now. Probes are asked for apart, by `takeProbes`. */
  handleDeadline(nowMs: number): Findings {
    if (nowMs < this.#lossDeadlineMs) return nothing
    const lost = this.#detectLoss(nowMs)
    return { ...nothing, lost, collapsed: this.#collapsedBy(lost) }
  }

  /** The oldest packet of each rank that has been silent for too long: send its frames again. */
  takeProbes(nowMs: number): SentPacket[] {
    if (nowMs < this.#probeDeadlineMs()) return []
    const due = this.#ranks.map((_, rank) => this.#rankProbeDeadlineMs(rank) <= nowMs)
    this.#probeCount += 1
    this.#isSilent = true
    return this.#oldest((rank) => due[rank]!, nowMs)
  }

  /**
   * The path is another one: what is under way does not burden it, and tells nothing of it. Returns
   * what to send again. When the former path is `gone`, that is everything that was under way on
   * it; else one packet of each rank, by whose answers the fate of the others is known.
   */
  changePath(isGone: boolean, nowMs: number): readonly SentPacket[] {
    this.#path += 1
    this.#probeCount = 0
    this.#lossDeadlineMs = Number.POSITIVE_INFINITY
    this.#reorderMs = 0
    this.#silence.reset()
    for (const flow of this.#flows) {
      flow.roundTrip.reset()
      flow.measuredAtMs = Number.POSITIVE_INFINITY
      flow.bytesInFlight = 0
    }
    if (!isGone) return this.#oldest(() => true, nowMs)
    const lost = this.#ranks.flatMap((rank) => rank.all())
    for (const packet of lost) this.#declareLost(packet)
    return lost
  }

  /** An authentic packet came in, whatever it says: patience that long silence asked for is over. */
  heard(): void {
    this.#isSilent = false
    this.#probeCount = Math.min(this.#probeCount, heardDoublings)
  }

  #measure(packet: SentPacket, delayMs: number, nowMs: number): readonly Measured[] {
    const elapsedMs = nowMs - packet.sentAtMs!
    if (!this.isOfThisPath(packet) || elapsedMs > rttMsMax) return []
    const flow = this.#flows[flowOf(packet.rank)]!
    const boundedDelayMs = Math.min(delayMs, acknowledgementDelayMsMax)
    const roundTripMs = flow.roundTrip.sample(elapsedMs, boundedDelayMs)
    flow.measuredAtMs = Math.min(flow.measuredAtMs, nowMs)
    return [{ packet, roundTripMs }]
  }

  /** From now on a packet may be that much later than others without being lost (RFC 8985). */
  #cameLate(packet: SentPacket, nowMs: number): void {
    packet.state = 'arrived'
    if (!this.isOfThisPath(packet)) return
    const { latestMs, smoothedMs } = this.roundTrip(flowOf(packet.rank))
    const latenessMs = nowMs - packet.sentAtMs! - latestMs
    this.#reorderMs = Math.min(Math.max(this.#reorderMs, latenessMs), smoothedMs)
  }

  #oldest(isWanted: (rank: number) => boolean, nowMs: number): SentPacket[] {
    const oldest: SentPacket[] = []
    for (const [index, rank] of this.#ranks.entries()) {
      if (rank.oldest === undefined || !isWanted(index)) continue
      oldest.push(rank.oldest)
      // The probe itself moves the deadline when it leaves; this does when the mesh is full.
      rank.lastSentAtMs = nowMs
    }
    return oldest
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
    this.#lossDeadlineMs = Number.POSITIVE_INFINITY
    for (const [index, rank] of this.#ranks.entries()) {
      const delayMs = this.roundTrip(flowOf(index)).lossDelayMs() + this.#reorderMs
      for (const packet of rank.overtaken()) {
        const overtakenBy = rank.largestAcknowledged - packet.sequence
        const lateAtMs = packet.sentAtMs! + delayMs
        // Where packets are known to come late, their number tells nothing, only time does.
        const isOvertaken = this.#reorderMs === 0 && overtakenBy >= packetThreshold
        if (isOvertaken || lateAtMs <= nowMs) lost.push(packet)
        else this.#lossDeadlineMs = Math.min(this.#lossDeadlineMs, lateAtMs)
      }
    }
    for (const packet of lost) this.#declareLost(packet)
    return lost
  }

  #collapsedBy(lost: readonly SentPacket[]): readonly Flow[] {
    if (lost.length < 2) return []
    return flows.filter((flow) => {
      const { roundTrip, measuredAtMs } = this.#flows[flow]!
      const ofFlow = lost.filter(
        (packet) =>
          flowOf(packet.rank) === flow &&
          this.isOfThisPath(packet) &&
          packet.sentAtMs! > measuredAtMs,
      )
      return this.#silence.isShownBy(ofFlow, roundTrip.probeTimeoutMs(acknowledgementDelayMsMax))
    })
  }

  #declareLost(packet: SentPacket): void {
    this.#remove(packet, 'lost')
    this.#lost.add(packet)
  }

  #remove(packet: SentPacket, state: 'arrived' | 'lost'): void {
    packet.state = state
    this.#sent.delete(packet.number)
    this.#ranks[packet.rank]!.removed()
    if (this.isOfThisPath(packet)) this.#flows[flowOf(packet.rank)]!.bytesInFlight -= packet.bytes
  }

  #rankProbeDeadlineMs(index: number): number {
    const rank = this.#ranks[index]!
    if (rank.count === 0) return Number.POSITIVE_INFINITY
    const roundTrip = this.roundTrip(flowOf(index))
    const timeoutMs = roundTrip.probeTimeoutMs(acknowledgementDelayMsMax)
    const patienceMs = Math.min(timeoutMs * 2 ** Math.min(this.#probeCount, 16), probeTimeoutMsMax)
    return rank.lastSentAtMs + patienceMs
  }

  #probeDeadlineMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (let index = 0; index < this.#ranks.length; index += 1) {
      earliestMs = Math.min(earliestMs, this.#rankProbeDeadlineMs(index))
    }
    return earliestMs
  }
}

/** The packet of the flow that was sent last. */
function latestOf(flow: Flow, packets: readonly SentPacket[]): SentPacket | undefined {
  let latest: SentPacket | undefined
  for (const packet of packets) {
    if (flowOf(packet.rank) !== flow) continue
    if (latest === undefined || packet.number > latest.number) latest = packet
  }
  return latest
}
