/**
 * What becomes of the packets sent: they arrive, are lost, or are probed for. Whatever a lost one
 * carried is due again, and the congestion windows follow (rules RC1 to RC21).
 */

import { priorities } from '../link/link-port.ts'
import { BurstLimit, type FlowSpeed } from './burst-limit.ts'
import { congestionWindowBytesMax, initialWindowBytes, narrowPacketBytesMax } from './congestion.ts'
import type { ConnectionParts } from './connection-parts.ts'
import { DeliveryRate } from './delivery-rate.ts'
import type { Frame } from './frame.ts'
import { packetsInFlightMax, type Findings } from './loss-recovery.ts'
import { noMarks, type MarkCounts } from './received-packets.ts'
import { ReportWait } from './report-wait.ts'
import {
  bulkFlow,
  flowOf,
  flows,
  foregroundFlow,
  interactiveRank,
  type Flow,
  type SentPacket,
} from './sent-packet.ts'

type DeliveryParts = Pick<
  ConnectionParts,
  'context' | 'peer' | 'protection' | 'streams' | 'received' | 'recovery' | 'congestion'
>

/** A packet is as large as packets get from this part of the largest on: its round trip counts. */
const fullPacketPart = 3 / 4

/**
 * Control and interactive packets may exceed window and pace by this part of the window, or by so many
 * packets if that is more: else a keystroke would wait until what a document sends is acknowledged.
 */
const urgentPart = 1 / 8
const urgentPackets = 2

/** Feeds the findings of loss recovery to streams, acknowledgements and congestion control. */
export class Delivery {
  readonly #parts: DeliveryParts
  /** Ranks whose next packet may leave although the congestion window is full. */
  readonly #probeDue: boolean[] = priorities.map(() => false)
  /** By flow: the congestion window was what ended the last sending. */
  readonly #isLimited: boolean[] = flows.map(() => false)
  /** By flow: what the latest reduction came from, as far as it may have been a mistake. */
  readonly #blamed: Set<SentPacket>[] = flows.map(() => new Set())
  #marks: MarkCounts = noMarks
  readonly #rate = new DeliveryRate()
  readonly #bursts: readonly BurstLimit[] = flows.map(() => new BurstLimit())
  readonly #reportWait = new ReportWait()
  /** Largest packet of the path, and how large packets are made. */
  #pathBytes = 0
  #packetBytes = 0
  #isBusy = false

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /**
   * There is room for another packet of the rank under way. The default window bounds what people
   * wait for, the scavenger's bulk; and together with bulk no more than the larger of both.
   */
  isWindowOpen(rank: number): boolean {
    const { recovery, congestion } = this.#parts
    if (recovery.packetCount >= packetsInFlightMax) return false
    const flow = flowOf(rank)
    const ownBytes = recovery.bytesInFlight(flow)
    const ownWindowBytes = congestion[flow]!.windowBytes
    const limitBytes = isUrgent(rank) ? this.#urgentLimitBytes(ownWindowBytes) : ownWindowBytes
    if (ownBytes >= limitBytes) return false
    if (flow === foregroundFlow) return true
    const allBytes = ownBytes + recovery.bytesInFlight(foregroundFlow)
    const { windowBytes } = congestion[foregroundFlow]!
    return allBytes < Math.max(windowBytes, congestion[bulkFlow]!.windowBytes)
  }

  /** Its flow has not sent too much at once; when it has, `burstEndsAtMs` tells when it may go on. */
  mayBurst(rank: number): boolean {
    const excessBytes = isUrgent(rank) ? urgentPackets * this.#packetBytes : 0
    return this.#bursts[flowOf(rank)]!.allows(excessBytes)
  }

  burstEndsAtMs(flow: Flow): number {
    return this.#bursts[flow]!.opensAtMs(this.#speedOf(flow))
  }

  /** Time has passed: as much more may leave. */
  fillBursts(nowMs: number): void {
    for (const flow of flows) this.#bursts[flow]!.timePassed(this.#speedOf(flow), nowMs)
  }

  /** A packet of the flow has left. */
  sent(flow: Flow, bytes: number): void {
    this.#bursts[flow]!.sent(bytes)
  }

  /** How large packets are made, in bytes: what the path takes, or less on a slow one. */
  get packetBytes(): number {
    return this.#packetBytes
  }

  /** The next packet of the rank is a probe: it leaves whatever the window says. */
  isProbeDue(rank: number): boolean {
    return this.#probeDue[rank]!
  }

  /** The rank sends nothing but probes until the other end has said what it has. */
  awaitsReport(rank: number): boolean {
    return this.#reportWait.holds(rank)
  }

  /** A packet of the rank has been made: no probe is due any more. */
  probed(rank: number): void {
    this.#probeDue[rank] = false
  }

  /** Tells whether the window, and not the sender, was the limit of what was sent last. */
  setLimited(flow: Flow, isLimited: boolean): void {
    this.#isLimited[flow] = isLimited
  }

  /** Tells whether more is to be sent than was allowed to. */
  setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy
  }

  /** Takes in an acknowledgement; false when it names a packet that was never sent. */
  acknowledgementReceived(frame: Frame & { type: 'acknowledgement' }, nowMs: number): boolean {
    const { context, protection, recovery } = this.#parts
    const findings = recovery.acknowledge(frame.ranges, frame.delayMs, protection.nextNumber, nowMs)
    if (findings === undefined) return false
    this.#reportWait.end()
    for (const packet of findings.arrived) this.#arrived(packet)
    for (const packet of findings.late) this.#cameLate(packet)
    if (findings.arrived.length > 0) {
      const { smoothedMs } = recovery.roundTrip(foregroundFlow)
      context.recorder.connection.roundTripMs.observe(smoothedMs)
      for (const flow of flows) this.#growWindow(flow, findings, nowMs)
      this.#measureRate(findings.arrived, nowMs)
    }
    this.#marksReceived(frame.marks, findings, nowMs)
    this.#packetsLost(findings, nowMs)
    return true
  }

  /** Takes what is lost or silent by now; sending is up to the caller. */
  handleDeadline(nowMs: number): void {
    const { recovery } = this.#parts
    this.#packetsLost(recovery.handleDeadline(nowMs), nowMs)
    this.#probe(recovery.takeProbes(nowMs))
  }

  /**
   * The path is new or back and takes packets of that size: nothing is known of its capacity. What
   * was under way on the former one is due again when that is gone; else one packet of each rank
   * finds out.
   */
  restart(pathBytes: number, isFormerGone: boolean, nowMs: number): void {
    const { recovery, received } = this.#parts
    this.begin(pathBytes)
    received.repeat(nowMs)
    for (const blamed of this.#blamed) blamed.clear()
    const due = recovery.changePath(isFormerGone, nowMs)
    this.#reportWait.end()
    if (!isFormerGone) return this.#probe(due)
    for (const packet of due) this.sendAgain(packet)
    const isNarrow = pathBytes <= narrowPacketBytesMax
    if (isNarrow && this.#reportWait.begin(due, this.#packetBytes)) {
      // The other end may not know of another path: a PING has it say what it has.
      this.#probeDue[0] = true
      return
    }
    // Where nothing is due again, as of a PING, an answer is still waited for.
    const last = due.at(-1)
    if (last !== undefined) this.#probeDue[last.rank] = true
  }

  /** A path of which nothing is known but how large packets it takes. */
  begin(pathBytes: number): void {
    this.#pathBytes = pathBytes
    this.#rate.reset()
    for (const controller of this.#parts.congestion) controller.reset(pathBytes)
    for (const burst of this.#bursts) burst.begin(initialWindowBytes(pathBytes))
    this.#fitPackets()
  }

  /** What the packet carries is due again. */
  sendAgain(packet: SentPacket): void {
    for (const frame of packet.frames) this.#parts.streams.lost(frame)
  }

  #urgentLimitBytes(windowBytes: number): number {
    const excessBytes = Math.max(windowBytes * urgentPart, urgentPackets * this.#packetBytes)
    return Math.max(windowBytes, Math.min(windowBytes + excessBytes, congestionWindowBytesMax))
  }

  #arrived(packet: SentPacket): void {
    const { streams, received } = this.#parts
    for (const sent of packet.frames) {
      streams.acknowledged(sent)
      if (sent.type === 'acknowledgement') received.reportAcknowledged(sent.report)
    }
  }

  /** It was not lost: neither is what it carried, nor was there a reason for a smaller window. */
  #cameLate(packet: SentPacket): void {
    this.#parts.context.recorder.connection.packetsLate.add()
    this.#arrived(packet)
    const flow = flowOf(packet.rank)
    const blamed = this.#blamed[flow]!
    if (blamed.delete(packet) && blamed.size === 0) this.#parts.congestion[flow]!.undo()
  }

  #growWindow(flow: Flow, findings: Findings, nowMs: number): void {
    const { recovery, congestion } = this.#parts
    let bytes = 0
    let sentAtMs = Number.NEGATIVE_INFINITY
    for (const packet of findings.arrived) {
      if (flowOf(packet.rank) !== flow || !recovery.isOfThisPath(packet)) continue
      bytes += packet.bytes
      sentAtMs = Math.max(sentAtMs, packet.sentAtMs!)
    }
    if (bytes === 0) return
    const isLimited = this.#isLimited[flow]!
    const roundTripMs = this.#roundTripOf(flow, findings)
    congestion[flow]!.acknowledged({ bytes, sentAtMs, roundTripMs, isLimited }, nowMs)
  }

  /** Of full packets: the time that a packet takes to be sent is part of its round trip. */
  #roundTripOf(flow: Flow, { measured }: Findings): number | undefined {
    const ofFlow = measured.find(({ packet }) => flowOf(packet.rank) === flow)
    if (ofFlow === undefined) return undefined
    const isFull = ofFlow.packet.bytes >= this.#packetBytes * fullPacketPart
    return isFull ? ofFlow.roundTripMs : undefined
  }

  #speedOf(flow: Flow): FlowSpeed {
    const { recovery, congestion } = this.#parts
    const { windowBytes } = congestion[flow]!
    const roundTripMs = recovery.roundTrip(flow).smoothedMs
    return { windowBytes, roundTripMs, packetBytes: this.#packetBytes }
  }

  #measureRate(arrived: readonly SentPacket[], nowMs: number): void {
    const { recovery } = this.#parts
    let bytes = 0
    let sentAtMs = Number.NEGATIVE_INFINITY
    for (const packet of arrived) {
      if (!recovery.isOfThisPath(packet)) continue
      bytes += packet.bytes
      sentAtMs = Math.max(sentAtMs, packet.sentAtMs!)
    }
    if (bytes === 0) return
    this.#rate.arrived(bytes, sentAtMs, this.#isBusy, nowMs)
    this.#fitPackets()
  }

  #fitPackets(): void {
    const packetBytes = this.#rate.packetBytes(this.#pathBytes)
    if (packetBytes === this.#packetBytes) return
    this.#packetBytes = packetBytes
    for (const controller of this.#parts.congestion) controller.setPacketBytes(packetBytes)
  }

  #marksReceived(marks: MarkCounts, findings: Findings, nowMs: number): void {
    const before = this.#marks
    this.#marks = {
      foreground: Math.max(before.foreground, marks.foreground),
      bulk: Math.max(before.bulk, marks.bulk),
    }
    if (marks.foreground > before.foreground) this.#marked(foregroundFlow, findings, nowMs)
    if (marks.bulk > before.bulk) this.#marked(bulkFlow, findings, nowMs)
  }

  #marked(flow: Flow, findings: Findings, nowMs: number): void {
    const { context, recovery, congestion } = this.#parts
    context.recorder.connection.marksReceived.add()
    let sentAtMs = Number.NEGATIVE_INFINITY
    for (const packet of findings.arrived) {
      if (flowOf(packet.rank) !== flow || !recovery.isOfThisPath(packet)) continue
      sentAtMs = Math.max(sentAtMs, packet.sentAtMs!)
    }
    if (!congestion[flow]!.congested('mark', sentAtMs, nowMs)) return
    // A queue stood, whatever comes late: this reduction is no mistake.
    this.#blamed[flow]!.clear()
    this.#recordCongestion(0, flow)
  }

  #packetsLost({ lost, collapsed }: Findings, nowMs: number): void {
    if (lost.length === 0) return
    const { context, recovery, congestion } = this.#parts
    for (const packet of lost) this.sendAgain(packet)
    context.recorder.connection.packetsLost.add(lost.length)
    for (const flow of flows) {
      const ofFlow = lost.filter(
        (packet) => flowOf(packet.rank) === flow && recovery.isOfThisPath(packet),
      )
      if (ofFlow.length === 0) continue
      const sentAtMs = Math.max(...ofFlow.map((packet) => packet.sentAtMs!))
      const blamed = this.#blamed[flow]!
      if (congestion[flow]!.congested('loss', sentAtMs, nowMs)) {
        blamed.clear()
        for (const packet of ofFlow) blamed.add(packet)
        this.#recordCongestion(ofFlow.length, flow)
      } else if (blamed.size > 0) {
        for (const packet of ofFlow) blamed.add(packet)
      }
      if (collapsed.includes(flow)) congestion[flow]!.collapse()
    }
  }

  #recordCongestion(lostCount: number, flow: Flow): void {
    const { context, peer, congestion } = this.#parts
    const { windowBytes } = congestion[flow]!
    context.recorder.connection.congested.record(peer, lostCount, windowBytes)
  }

  #probe(packets: readonly SentPacket[]): void {
    for (const packet of packets) {
      this.#parts.context.recorder.connection.probesSent.add()
      this.sendAgain(packet)
      this.#probeDue[packet.rank] = true
    }
  }
}

function isUrgent(rank: number): boolean {
  return rank <= interactiveRank
}
