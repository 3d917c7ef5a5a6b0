/**
 * Hands packets to the mesh: strictly by priority with a share for whoever waits, as far as the
 * congestion windows and the mesh allow, and not at all without a route (rules RC6 and ST9).
 */

import { priorities } from '../link/link-port.ts'
import type { ConnectionParts } from './connection-parts.ts'
import type { Delivery } from './delivery.ts'
import type { PacketBuilder } from './packet-builder.ts'
import { tellResumed } from './parking.ts'
import { bulkFlow, bulkRank, flowOf, flows, type SentPacket } from './sent-packet.ts'
import { SendTurns } from './send-turns.ts'

const rankCount: number = priorities.length

/** Largest packet made, in bytes: what a mesh packet carries at the most. */
const packetBytesMax = 64 * 1024

/** Below this a path takes no useful packet, and counts as none. */
const packetBytesMin = 256

type PacketSenderParts = Pick<
  ConnectionParts,
  'context' | 'peer' | 'packets' | 'outputs' | 'streams' | 'parking' | 'received' | 'recovery'
>

/** How long a bulk packet that is not full waits for more: shorter than anybody waits for bulk. */
export const gatherMsMax = 2

/** A packet that the mesh did not take yet. Its number is used up: it must go as it is. */
interface HeldPacket {
  readonly packet: SentPacket
  readonly parts: readonly Uint8Array[]
}

/** What goes next: the content of one rank, at the priority of that or, for its share, of another. */
interface Turn {
  readonly content: number
  readonly rank: number
}

/** The way out of one connection. */
export class PacketSender {
  readonly #parts: PacketSenderParts
  readonly #builder: PacketBuilder
  readonly #delivery: Delivery
  readonly #turns = new SendTurns(rankCount)
  /** Largest packet of the path; 0 before the first is sent. */
  #pathBytes = 0
  readonly #held: (HeldPacket | undefined)[] = priorities.map(() => undefined)
  /** The mesh answered `full` for this rank: it and those below wait for `packetsWritable`. */
  #blockedRank = rankCount
  /** When a flow that sent too much at once may go on, or what gathers leaves as it is. */
  #waitDeadlineMs = Number.POSITIVE_INFINITY
  /** Since when a bulk packet waits for more. */
  #gathersSinceMs: number | undefined

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
    return this.#parts.parking.isParked
  }

  /** When an acknowledgement has to leave; `Infinity` while the mesh has no room for any. */
  get acknowledgementDeadlineMs(): number {
    // An acknowledgement that the mesh does not take waits for room, not for time.
    return this.#blockedRank > 0 ? this.#parts.received.deadlineMs : Number.POSITIVE_INFINITY
  }

  /** When more may leave than may now; `Infinity` when nothing waits for time. */
  get waitDeadlineMs(): number {
    return this.#waitDeadlineMs
  }

  /** Sends what there is to send, as far as it may leave; finds out whether there is a route. */
  flush(nowMs: number): void {
    const { packets, peer, received } = this.#parts
    const pathBytes = packets.payloadBytesMax(peer)
    if (this.isParked) {
      if (pathBytes >= packetBytesMin) this.resume(nowMs)
      return
    }
    if (pathBytes < packetBytesMin) return this.park(nowMs)
    this.#takePathBytes(Math.min(pathBytes, packetBytesMax), nowMs)
    this.#delivery.fillBursts(nowMs)
    this.#sendHeld(nowMs)
    // A held packet without a route parks; another of its rank must not take its place.
    if (this.isParked) return
    // Each round sends a packet, which takes from a bounded queue or window.
    for (;;) {
      const turn = this.#nextTurn(nowMs)
      if (turn === undefined || !this.#sendPacket(turn, nowMs)) break
    }
    this.#delivery.setBusy(priorities.some((_, rank) => this.#builder.hasContent(rank)))
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

  /** No route: keeps everything and sends nothing. */
  park(nowMs: number): void {
    if (this.isParked) return
    const { context, peer, parking } = this.#parts
    parking.begin(nowMs)
    this.#blockedRank = rankCount
    context.recorder.connection.parks.add()
    context.recorder.connection.parked.record(peer)
  }

  /** A route again: goes on where it stopped. */
  resume(nowMs: number): void {
    if (!this.isParked) return
    tellResumed(this.#parts, this.#parts.parking.end(nowMs))
    this.restart(true, nowMs)
  }

  /**
   * A path of unknown capacity: begins anew to find it out, with all that was under way when the
   * former path is gone.
   */
  restart(isFormerGone: boolean, nowMs: number): void {
    const { packets, peer } = this.#parts
    this.#blockedRank = rankCount
    for (const held of this.#held) if (held !== undefined) this.#withdraw(held.packet)
    this.#pathBytes = Math.min(packets.payloadBytesMax(peer), packetBytesMax)
    this.#delivery.restart(this.#pathBytes, isFormerGone, nowMs)
    this.flush(nowMs)
  }

  /** Sends the farewell, once, whatever else waits; it gets lost when the mesh does not take it. */
  sendClose(bytes: Uint8Array, nowMs: number): void {
    const { packets, peer } = this.#parts
    if (packets.send(peer, 'control', bytes, nowMs) === 'accepted') {
      this.#countSent(bytes.length)
    }
  }

  /** Packets of another size mean another path, of which nothing is known. */
  #takePathBytes(pathBytes: number, nowMs: number): void {
    if (pathBytes === this.#pathBytes) return
    const isFirst = this.#pathBytes === 0
    this.#pathBytes = pathBytes
    if (isFirst) this.#delivery.begin(pathBytes)
    else this.#delivery.restart(pathBytes, false, nowMs)
  }

  /** What is sent next: the highest rank, unless one below has waited for its share (ST9). */
  #nextTurn(nowMs: number): Turn | undefined {
    for (const flow of flows) this.#delivery.setLimited(flow, false)
    this.#waitDeadlineMs = Number.POSITIVE_INFINITY
    let next: Turn | undefined
    for (let content = 0; content < rankCount; content += 1) {
      const isProbe = this.#delivery.isProbeDue(content)
      if (!isProbe && !this.#hasDue(content)) continue
      const isStarved = this.#turns.isStarved(content, this.#delivery.packetBytes)
      // At the priority of those that it waited for, so that it does not wait for them again.
      const rank = isStarved ? this.#turns.passedBy(content) : content
      if (rank >= this.#blockedRank) continue
      if (!isProbe && (!this.#mayLeave(rank) || this.#gathers(content, nowMs))) continue
      if (isStarved) return { content, rank }
      next ??= { content, rank }
    }
    return next
  }

  /** There is something to send, and no need to hear first what has arrived of it (RC24). */
  #hasDue(content: number): boolean {
    return this.#builder.hasContent(content) && !this.#delivery.awaitsReport(content)
  }

  /** Window and pace let another packet of the rank go. */
  #mayLeave(rank: number): boolean {
    const flow = flowOf(rank)
    const isOpen = this.#delivery.isWindowOpen(rank)
    if (isOpen && this.#delivery.mayBurst(rank)) return true
    this.#delivery.setLimited(flow, true)
    if (isOpen) this.#waitUntil(this.#delivery.burstEndsAtMs(flow))
    return false
  }

  /** A bulk packet would not be full, and more is likely to come while others are under way (RC23). */
  #gathers(content: number, nowMs: number): boolean {
    if (content !== bulkRank) return false
    const { streams, recovery } = this.#parts
    const isIdle = recovery.bytesInFlight(bulkFlow) === 0
    if (isIdle || streams.fills(content, this.#delivery.packetBytes)) {
      this.#gathersSinceMs = undefined
      return false
    }
    this.#gathersSinceMs ??= nowMs
    const untilMs = this.#gathersSinceMs + gatherMsMax
    if (nowMs < untilMs) {
      this.#waitUntil(untilMs)
      return true
    }
    this.#gathersSinceMs = undefined
    return false
  }

  /** Makes and sends one packet of that turn; false when no rank can send any more. */
  #sendPacket({ content, rank }: Turn, nowMs: number): boolean {
    const { streams, recovery } = this.#parts
    const { packetBytes } = this.#delivery
    const { number, parts, bytes, frames } = this.#builder.build(
      content,
      packetBytes,
      this.#pathBytes,
      nowMs,
    )
    this.#delivery.probed(content)
    this.#turns.sent(content, bytes, (waiting) => streams.canSend(waiting))
    const packet: SentPacket = {
      number,
      rank,
      bytes,
      frames,
      sentAtMs: undefined,
      sequence: 0,
      path: 0,
      state: 'held',
    }
    recovery.add(packet)
    return this.#submit({ packet, parts }, nowMs)
  }

  #waitUntil(deadlineMs: number): void {
    this.#waitDeadlineMs = Math.min(this.#waitDeadlineMs, deadlineMs)
  }

  #submit(held: HeldPacket, nowMs: number): boolean {
    const { packets, peer, recovery } = this.#parts
    const { packet, parts } = held
    const result = packets.send(peer, priorities[packet.rank]!, parts, nowMs)
    if (result === 'accepted') {
      this.#held[packet.rank] = undefined
      recovery.accepted(packet, nowMs)
      this.#delivery.sent(flowOf(packet.rank), packet.bytes)
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
      if (held.packet.bytes <= this.#pathBytes) {
        this.#submit(held, nowMs)
        continue
      }
      // The path has become narrower meanwhile: cut anew.
      this.#withdraw(held.packet)
    }
  }

  /** What waits for the mesh is cut anew: on another path others may go before it. */
  #withdraw(packet: SentPacket): void {
    this.#held[packet.rank] = undefined
    this.#parts.recovery.withdraw(packet)
    this.#delivery.sendAgain(packet)
  }

  #sendAcknowledgement(nowMs: number): void {
    const { packets, peer, received } = this.#parts
    const { parts, bytes } = this.#builder.buildAcknowledgement(this.#pathBytes, nowMs)
    const result = packets.send(peer, 'control', parts, nowMs)
    if (result === 'accepted') {
      received.reported(nowMs)
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
