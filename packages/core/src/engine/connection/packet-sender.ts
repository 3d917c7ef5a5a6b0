/**
 * Hands packets to the mesh: strictly by priority with a share for whoever waits, as far as the
 * congestion window and the mesh allow, and not at all without a route (rules RC6 and ST9).
 */

import { priorities } from '../link/link-port.ts'
import type { ConnectionParts } from './connection-parts.ts'
import type { Delivery } from './delivery.ts'
import type { SentPacket } from './loss-recovery.ts'
import type { PacketBuilder } from './packet-builder.ts'
import { Parking } from './parking.ts'
import { SendTurns } from './send-turns.ts'

const rankCount: number = priorities.length

/** Largest packet made, in bytes: what a mesh packet carries at the most. */
const packetBytesMax = 64 * 1024

/** Below this a path takes no useful packet, and counts as none. */
const packetBytesMin = 256

type PacketSenderParts = Pick<
  ConnectionParts,
  'context' | 'peer' | 'packets' | 'outputs' | 'streams' | 'received' | 'recovery' | 'congestion'
>

/** A packet that the mesh did not take yet. Its number is used up: it must go as it is. */
interface HeldPacket {
  readonly packet: SentPacket
  readonly parts: readonly Uint8Array[]
}

/** The way out of one connection. */
export class PacketSender {
  readonly #parts: PacketSenderParts
  readonly #builder: PacketBuilder
  readonly #delivery: Delivery
  readonly #turns = new SendTurns(rankCount)
  readonly #parking = new Parking()
  #packetBytes = 0
  readonly #held: (HeldPacket | undefined)[] = priorities.map(() => undefined)
  /** The mesh answered `full` for this rank: it and those below wait for `packetsWritable`. */
  #blockedRank = rankCount

  constructor(parts: PacketSenderParts, builder: PacketBuilder, delivery: Delivery) {
    this.#parts = parts
    this.#builder = builder
    this.#delivery = delivery
  }

  /** The mesh refused a packet; `packetsWritable` is to be called when it takes some again. */
  get isBlocked(): boolean {
    return this.#blockedRank < rankCount
  }

  /** There is no route: nothing is sent. */
  get isParked(): boolean {
    return this.#parking.isParked
  }

  /** When the connection without a route expires; `Infinity` with one. */
  get parkDeadlineMs(): number {
    return this.#parking.deadlineMs
  }

  /** When an acknowledgement has to leave; `Infinity` while the mesh has no room for any. */
  get acknowledgementDeadlineMs(): number {
    // An acknowledgement that the mesh does not take waits for room, not for time.
    return this.#blockedRank > 0 ? this.#parts.received.deadlineMs : Number.POSITIVE_INFINITY
  }

  /** Sends what there is to send, as far as it may leave; finds out whether there is a route. */
  flush(nowMs: number): void {
    const { packets, peer, congestion, received } = this.#parts
    const pathBytes = packets.payloadBytesMax(peer)
    if (this.isParked) {
      if (pathBytes >= packetBytesMin) this.resume(nowMs)
      return
    }
    if (pathBytes < packetBytesMin) return this.park(nowMs)
    this.#packetBytes = Math.min(pathBytes, packetBytesMax)
    congestion.setPacketBytes(this.#packetBytes)
    this.#sendHeld(nowMs)
    // A held packet without a route parks; another of its rank must not take its place.
    if (this.isParked) return
    // Each round sends a packet, which takes from a bounded queue or window.
    for (;;) {
      const rank = this.#nextRank()
      if (rank === undefined || !this.#sendPacket(rank, nowMs)) break
    }
    if (received.deadlineMs <= nowMs && this.#blockedRank > 0 && !this.isParked) {
      this.#sendAcknowledgement(nowMs)
    }
    this.#announceRoom()
  }

  /** The mesh takes packets again. */
  packetsWritable(nowMs: number): void {
    this.#blockedRank = rankCount
    this.flush(nowMs)
  }

  /** No route: keeps everything, sends nothing, for at most `parkMsMax`. */
  park(nowMs: number): void {
    if (this.isParked) return
    const { context, peer } = this.#parts
    this.#parking.begin(nowMs)
    this.#blockedRank = rankCount
    context.recorder.connection.parked.record(peer)
  }

  /** A route again: goes on where it stopped. */
  resume(nowMs: number): void {
    const parkedMs = this.#parking.end(nowMs)
    if (parkedMs === undefined) return
    const { context, peer } = this.#parts
    context.recorder.connection.resumed.record(peer, parkedMs)
    this.restart(nowMs)
  }

  /** A path of unknown capacity: begins anew to find it out. */
  restart(nowMs: number): void {
    this.#blockedRank = rankCount
    this.#delivery.restart(nowMs)
    this.flush(nowMs)
  }

  /** Sends the farewell, once, whatever else waits; it gets lost when the mesh does not take it. */
  sendClose(bytes: Uint8Array, nowMs: number): void {
    const { packets, peer } = this.#parts
    if (packets.send(peer, 'control', bytes, nowMs) === 'accepted') {
      this.#countSent(bytes.length)
    }
  }

  /** The rank that sends next: the highest, unless one below has waited for its share (ST9). */
  #nextRank(): number | undefined {
    const windowOpen = this.#delivery.isWindowOpen
    let next: number | undefined
    this.#delivery.setWindowLimited(false)
    for (let rank = 0; rank < this.#blockedRank; rank += 1) {
      const probeDue = this.#delivery.isProbeDue(rank)
      if (!probeDue && !this.#builder.hasContent(rank)) continue
      if (!windowOpen && !probeDue) {
        this.#delivery.setWindowLimited(true)
        continue
      }
      if (this.#turns.isStarved(rank, this.#packetBytes)) return rank
      next ??= rank
    }
    return next
  }

  /** Makes and sends one packet of that rank; false when no rank can send any more. */
  #sendPacket(rank: number, nowMs: number): boolean {
    const { streams, recovery } = this.#parts
    const { number, parts, bytes, frames } = this.#builder.build(rank, this.#packetBytes, nowMs)
    this.#delivery.probed(rank)
    this.#turns.sent(rank, bytes, (waiting) => streams.canSend(waiting))
    const packet = { number, rank, bytes, frames, sentAtMs: undefined, sequence: 0 }
    recovery.add(packet)
    return this.#submit({ packet, parts }, nowMs)
  }

  #submit(held: HeldPacket, nowMs: number): boolean {
    const { packets, peer, recovery } = this.#parts
    const { packet, parts } = held
    const result = packets.send(peer, priorities[packet.rank]!, parts, nowMs)
    if (result === 'accepted') {
      this.#held[packet.rank] = undefined
      recovery.accepted(packet, nowMs)
      this.#countSent(packet.bytes)
      return true
    }
    this.#held[packet.rank] = held
    if (result === 'no-route') {
      this.park(nowMs)
      return false
    }
    this.#blockedRank = packet.rank
    return packet.rank > 0
  }

  #sendHeld(nowMs: number): void {
    for (let rank = 0; rank < this.#blockedRank && !this.isParked; rank += 1) {
      const held = this.#held[rank]
      if (held === undefined) continue
      if (held.packet.bytes <= this.#packetBytes) {
        this.#submit(held, nowMs)
        continue
      }
      // The path has become narrower meanwhile: cut anew.
      this.#held[rank] = undefined
      this.#parts.recovery.withdraw(held.packet)
      this.#delivery.sendAgain(held.packet)
    }
  }

  #sendAcknowledgement(nowMs: number): void {
    const { packets, peer, received } = this.#parts
    const { parts, bytes } = this.#builder.buildAcknowledgement(this.#packetBytes, nowMs)
    const result = packets.send(peer, 'control', parts, nowMs)
    if (result === 'accepted') {
      received.reported()
      this.#countSent(bytes)
    } else if (result === 'full') {
      this.#blockedRank = 0
    } else {
      this.park(nowMs)
    }
  }

  /** Tells the layer above which streams that were full take messages again. */
  #announceRoom(): void {
    const { streams, outputs, peer } = this.#parts
    for (const [rank, stream] of priorities.entries()) {
      if (streams.takeWritable(rank)) outputs.push({ type: 'stream-writable', peer, stream })
    }
  }

  #countSent(bytes: number): void {
    const { connection } = this.#parts.context.recorder
    connection.packetsSent.add()
    connection.packetBytesSent.add(bytes)
  }
}
