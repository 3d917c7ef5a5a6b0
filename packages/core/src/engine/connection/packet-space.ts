/**
 * One set of keys of a connection, and all that ends with it: packet numbers, what is under way, what
 * has been received, the congestion window (rules CN7 to CN10).
 *
 * Packets come in through `FrameIntake`, and go out by `PacketBuilder` and `PacketSender`; `Delivery`
 * knows what became of them. It sends when something gives it a reason: a message, a packet, a
 * deadline, room in the mesh, a route. An idle one has no deadline.
 */

import { priorities } from '../link/link-port.ts'
import { Cubic } from './congestion-default.ts'
import { Scavenger } from './congestion-scavenger.ts'
import type { CloseCode } from './connection-output.ts'
import type { ConnectionParts, LastingParts } from './connection-parts.ts'
import type { ConnectionMeasure } from './connection.ts'
import { Delivery } from './delivery.ts'
import { FinishRepetition } from './finish-repetition.ts'
import { FrameIntake } from './frame-intake.ts'
import { decodeFrames, isAcknowledgementEliciting } from './frame.ts'
import type { NewKeys } from './handshake.ts'
import type { KeyLimits } from './key-phases.ts'
import { LossRecovery } from './loss-recovery.ts'
import { PacketBuilder } from './packet-builder.ts'
import { packetNumberMax } from './packet-number.ts'
import { PacketProtection } from './packet-protection.ts'
import { PacketSender } from './packet-sender.ts'
import type { ConnectionId, Packet } from './packet.ts'
import { ReceivedPackets, type Arrival } from './received-packets.ts'
import { bulkFlow, foregroundFlow } from './sent-packet.ts'

/** What a connection is kept up with; its ticket is not of interest here. */
export type ConnectionKeys = Omit<NewKeys, 'ticket'>

/** What ends the connection: the other end's farewell, or a rule that it broke. */
export type PacketVerdict =
  | { readonly type: 'closed'; readonly wireCode: number }
  | { readonly type: 'violation'; readonly code: CloseCode }

/** See the file header. */
export class PacketSpace {
  readonly localId: ConnectionId
  readonly remoteId: ConnectionId
  readonly #parts: ConnectionParts
  readonly #delivery: Delivery
  readonly #intake: FrameIntake
  readonly #builder: PacketBuilder
  readonly #sender: PacketSender
  readonly #finish: FinishRepetition

  constructor(lasting: LastingParts, keys: ConnectionKeys, limits: KeyLimits) {
    this.localId = keys.localId
    this.remoteId = keys.remoteId
    this.#parts = {
      ...lasting,
      protection: new PacketProtection(keys.keys, keys.remoteId, limits),
      received: new ReceivedPackets(),
      recovery: new LossRecovery(priorities.length),
      congestion: [new Cubic(), new Scavenger()],
    }
    this.#delivery = new Delivery(this.#parts)
    this.#intake = new FrameIntake(this.#parts, this.#delivery)
    // Whoever has nothing to repeat speaks up, so that the other end knows who has which keys.
    this.#builder = new PacketBuilder(this.#parts, keys.finishPacket === undefined)
    this.#sender = new PacketSender(this.#parts, this.#builder, this.#delivery)
    this.#finish = new FinishRepetition(keys.finishPacket)
  }

  /** The mesh refused a packet; `packetsWritable` is to be called when it takes some again. */
  get isBlocked(): boolean {
    return this.#sender.isBlocked
  }

  /** The other end has these keys for certain: it was heard, or made them before this one. */
  get isConfirmed(): boolean {
    return !this.#finish.isPending
  }

  /** Packets have gone unanswered: word that the peer knows no such connection is credible. */
  get isSilent(): boolean {
    return this.#finish.isPending || this.#parts.recovery.isSilent
  }

  /** These keys should not be used any more. */
  get isUsedUp(): boolean {
    return this.#parts.protection.isUsedUp
  }

  /** What is under way, and what is known of the path. */
  measure(): Pick<
    ConnectionMeasure,
    'bytesInFlight' | 'packetsInFlight' | 'windowBytes' | 'bulkWindowBytes' | 'smoothedRttMs'
  > {
    const { recovery, congestion } = this.#parts
    return {
      bytesInFlight: recovery.bytesInFlight(foregroundFlow) + recovery.bytesInFlight(bulkFlow),
      packetsInFlight: recovery.packetCount,
      windowBytes: congestion[foregroundFlow]!.windowBytes,
      bulkWindowBytes: congestion[bulkFlow]!.windowBytes,
      smoothedRttMs: recovery.roundTrip(foregroundFlow).smoothedMs,
    }
  }

  /** Begins to send; called once. */
  start(nowMs: number): void {
    if (this.#finish.isPending) this.#repeatFinish(nowMs)
    this.#sender.flush(nowMs)
  }

  /** Sends what there is to send. */
  flush(nowMs: number): void {
    this.#sender.flush(nowMs)
  }

  /** The packet is one with this end's id. Says what ends the connection, if anything does. */
  packetReceived(
    packet: Packet & { type: 'protected' },
    arrival: Arrival,
    nowMs: number,
  ): PacketVerdict | undefined {
    const { context, protection, received, recovery } = this.#parts
    const { connection } = context.recorder
    const number = protection.numberOf(packet, received.largest)
    if (number > packetNumberMax || received.isReplay(number)) {
      connection.packetsReplayed.add()
      return undefined
    }
    const plaintext = protection.open(packet, number, nowMs)
    if (plaintext === undefined) {
      connection.packetsForged.add()
      return undefined
    }
    connection.packetsReceived.add()
    connection.packetBytesReceived.add(packet.header.length + packet.ciphertext.length)
    // From here on the peer is answerable for what is in it.
    const frames = decodeFrames(plaintext)
    if (frames === undefined) return { type: 'violation', code: 'protocol' }
    this.#finish.confirmed()
    recovery.heard()
    let eliciting = false
    for (const frame of frames) {
      if (isAcknowledgementEliciting(frame)) eliciting = true
      if (frame.type === 'close') return { type: 'closed', wireCode: frame.code }
      const code = this.#intake.frameReceived(frame, nowMs)
      if (code !== undefined) return { type: 'violation', code }
    }
    received.received(number, eliciting, arrival, nowMs)
    this.#sender.flush(nowMs)
    return undefined
  }

  /** Something unproven came from the peer: perhaps it still waits for the handshake's last packet. */
  hinted(nowMs: number): void {
    this.#finish.hinted(nowMs)
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    this.#sender.packetsWritable(nowMs)
  }

  /** No route: sends nothing from now on. */
  peerUnreachable(nowMs: number): void {
    this.#sender.park(nowMs)
  }

  /** A route again: goes on where it stopped. */
  peerReachable(nowMs: number): void {
    this.#sender.resume(nowMs)
  }

  /**
   * Another path: nothing is known of its capacity. `isFormerGone`: what was under way on the former
   * one is lost.
   */
  pathChanged(isFormerGone: boolean, nowMs: number): void {
    if (this.#parts.parking.isParked) this.#sender.resume(nowMs)
    else this.#sender.restart(isFormerGone, nowMs)
  }

  /** Says farewell; the packet, for repeating to a peer that missed it. */
  close(code: CloseCode, nowMs: number): Uint8Array {
    const packet = this.#builder.buildClose(code, nowMs)
    this.#sender.sendClose(packet, nowMs)
    return packet
  }

  nextDeadlineMs(): number {
    const { protection, parking, recovery } = this.#parts
    if (parking.isParked) return Math.min(parking.parkDeadlineMs, protection.deadlineMs)
    return Math.min(
      recovery.deadlineMs(),
      this.#sender.acknowledgementDeadlineMs,
      this.#sender.waitDeadlineMs,
      this.#finish.deadlineMs,
      protection.deadlineMs,
    )
  }

  handleDeadline(nowMs: number): void {
    const { protection, parking } = this.#parts
    protection.handleDeadline(nowMs)
    if (parking.isParked) return
    if (nowMs >= this.#finish.deadlineMs) this.#repeatFinish(nowMs)
    this.#delivery.handleDeadline(nowMs)
    this.#sender.flush(nowMs)
  }

  #repeatFinish(nowMs: number): void {
    const { packets, peer } = this.#parts
    packets.send(peer, 'control', this.#finish.take(nowMs), nowMs)
  }
}
