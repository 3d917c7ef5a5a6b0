/**
 * What becomes of the packets sent: they arrive, are lost, or are probed for. Whatever a lost one
 * carried is due again, and the congestion window follows (rules RC1 to RC9).
 */

import { priorities } from '../link/link-port.ts'
import type { ConnectionParts } from './connection-parts.ts'
import type { Frame } from './frame.ts'
import { packetsInFlightMax, type SentPacket } from './loss-recovery.ts'

type DeliveryParts = Pick<
  ConnectionParts,
  'context' | 'peer' | 'protection' | 'streams' | 'received' | 'recovery' | 'congestion'
>

/** Feeds the findings of loss recovery to streams, acknowledgements and congestion control. */
export class Delivery {
  readonly #parts: DeliveryParts
  /** Ranks whose next packet may leave although the congestion window is full. */
  readonly #probeDue: boolean[] = priorities.map(() => false)
  /** The congestion window was what ended the last sending. */
  #windowLimited = false

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /** There is room for another packet under way. */
  get isWindowOpen(): boolean {
    const { recovery, congestion } = this.#parts
    return (
      recovery.bytesInFlight < congestion.windowBytes && recovery.packetCount < packetsInFlightMax
    )
  }

  /** The next packet of the rank is a probe: it leaves whatever the window says. */
  isProbeDue(rank: number): boolean {
    return this.#probeDue[rank]!
  }

  /** A packet of the rank has been made: no probe is due any more. */
  probed(rank: number): void {
    this.#probeDue[rank] = false
  }

  /** Tells whether the window, and not the sender, was the limit of what was sent last. */
  setWindowLimited(windowLimited: boolean): void {
    this.#windowLimited = windowLimited
  }

  /** Takes in an acknowledgement; false when it names a packet that was never sent. */
  acknowledgementReceived(frame: Frame & { type: 'acknowledgement' }, nowMs: number): boolean {
    const { context, protection, streams, received, recovery, congestion } = this.#parts
    const findings = recovery.acknowledge(frame.ranges, frame.delayMs, protection.nextNumber, nowMs)
    if (findings === undefined) return false
    for (const packet of findings.arrived) {
      congestion.acknowledged(packet.bytes, packet.sentAtMs!, this.#windowLimited)
      for (const sent of packet.frames) {
        streams.acknowledged(sent)
        if (sent.type === 'acknowledgement') received.reportAcknowledged(sent.report)
      }
    }
    if (findings.arrived.length > 0) {
      context.recorder.connection.roundTripMs.observe(recovery.roundTrip.smoothedMs)
    }
    this.#packetsLost(findings.lost, nowMs)
    return true
  }

  /** Takes what is lost or silent by now; sending is up to the caller. */
  handleDeadline(nowMs: number): void {
    const { recovery } = this.#parts
    this.#packetsLost(recovery.handleDeadline(nowMs).lost, nowMs)
    this.#probe(recovery.takeProbes(nowMs))
  }

  /** The path is new or back: nothing is known of its capacity. */
  restart(nowMs: number): void {
    this.#parts.congestion.reset()
    this.#probe(this.#parts.recovery.restart(nowMs))
  }

  /** What the packet carries is due again. */
  sendAgain(packet: SentPacket): void {
    for (const frame of packet.frames) this.#parts.streams.lost(frame)
  }

  #packetsLost(packets: readonly SentPacket[], nowMs: number): void {
    const last = packets.at(-1)
    if (last === undefined) return
    const { context, peer, congestion } = this.#parts
    for (const packet of packets) this.sendAgain(packet)
    congestion.lost(last.sentAtMs!, nowMs)
    const { connection } = context.recorder
    connection.packetsLost.add(packets.length)
    connection.congested.record(peer, packets.length, congestion.windowBytes)
  }

  #probe(packets: readonly SentPacket[]): void {
    for (const packet of packets) {
      this.#parts.context.recorder.connection.probesSent.add()
      this.sendAgain(packet)
      this.#probeDue[packet.rank] = true
    }
  }
}
