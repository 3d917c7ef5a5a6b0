/**
 * Forwarding: deliver a packet, pass it on, let it wait, or drop it with a counted reason
 * (rules MP4 to MP11).
 *
 * Own packets are refused while the link is full, so that the sender slows down; packets of others
 * wait in a bounded queue, where all take turns, are marked when the queue stands, and dropped when
 * they waited too long.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import { priorities, type FramePayload, type LinkPort, type Priority } from '../link/link-port.ts'
import {
  decodePacket,
  encodePacketHeader,
  hopLimitInitial,
  packetHeaderBytes,
  TransitHeader,
  type LinkEnds,
  type Packet,
  type PacketHeader,
} from './packet.ts'
import type { PacketSendResult } from './packet-port.ts'
import { Parking } from './parking.ts'
import type { RouteChange, Router } from './router.ts'
import { TransitQueue, type TransitPacket } from './transit-queue.ts'

/** A packet that waited longer has been sent again by now, or is of no use. */
export const transitMsMax = 2_000

/** What forwarding tells the layer above. */
export type ForwardingOutput =
  | {
      readonly type: 'packet'
      readonly from: PeerId
      readonly payload: Uint8Array
      readonly priority: Priority
      readonly congestionMarked: boolean
    }
  | { readonly type: 'packets-writable' }

/** Moves packets between links, and between links and the layer above. */
export class Forwarding {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #router: Router
  readonly #links: LinkPort
  readonly #queues = new Map<PeerId, TransitQueue>()
  readonly #parking = new Parking<TransitPacket>()
  /** Neighbours that refused an own packet: the layer above waits to hear of them. */
  readonly #refusedBy = new Set<PeerId>()
  readonly #outputs: ForwardingOutput[] = []

  constructor(context: EngineContext, local: PeerId, router: Router, links: LinkPort) {
    this.#context = context
    this.#local = local
    this.#router = router
    this.#links = links
  }

  /** Sends a packet of our own. */
  send(
    destination: PeerId,
    priority: Priority,
    payload: FramePayload,
    nowMs: number,
  ): PacketSendResult {
    const header = {
      priority,
      hopLimit: hopLimitInitial,
      congestionMarked: false,
      source: this.#local,
      destination,
    }
    const nextHop = this.#router.nextHop(destination)
    const queue = nextHop === undefined ? undefined : this.#queues.get(nextHop)
    let result: PacketSendResult
    if (nextHop === undefined) {
      result = this.#parkOwn(ownPacket(header, payload, nowMs), nowMs)
    } else if (queue?.waits(priority) === true) {
      result = this.#queueOwn(nextHop, queue, ownPacket(header, payload, nowMs))
    } else {
      const rest = payload instanceof Uint8Array ? [payload] : payload
      const parts = [encodePacketHeader(header, this.#endsTo(nextHop)), ...rest]
      const isTaken = this.#links.send(nextHop, 'packet', priority, parts, nowMs) === 'accepted'
      result = isTaken ? 'accepted' : this.#refuse(nextHop)
    }
    if (result === 'accepted') this.#context.recorder.mesh.packetsSent.add()
    return result
  }

  /** A packet frame of a neighbour. The bytes are ours. */
  frameReceived(from: PeerId, bytes: Uint8Array, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const packet = decodePacket(bytes, { from, to: this.#local })
    if (packet === undefined) mesh.packetsDroppedMalformed.add()
    else if (packet.destination === this.#local) this.#deliver(packet)
    else if (packet.hopLimit === 1) mesh.packetsDroppedHopLimit.add()
    else {
      if (packet.source === this.#local) mesh.packetsReturned.add()
      const header = new TransitHeader(packet, bytes)
      header.spendHop()
      this.#relay(transitPacket(packet, header, packet.payload, from, nowMs), nowMs)
    }
  }

  linkWritable(neighbour: PeerId, nowMs: number): void {
    this.#drain(neighbour, nowMs)
    if (this.#refusedBy.delete(neighbour)) this.#outputs.push({ type: 'packets-writable' })
  }

  /** The neighbour's packets look for another way. Called after the router heard of it. */
  linkDown(neighbour: PeerId, nowMs: number): void {
    const queue = this.#queues.get(neighbour)
    this.#queues.delete(neighbour)
    if (queue === undefined) return
    for (const priority of priorities) {
      for (let next = queue.take(priority); next !== undefined; next = queue.take(priority)) {
        this.#relay(next, nowMs)
      }
    }
    this.#measureQueues()
  }

  /** A path appeared, moved or was lost. */
  routeChanged(change: RouteChange, nowMs: number): void {
    const { previous } = change
    if (previous !== undefined && previous.nextHop !== change.route?.nextHop) {
      // Whoever was refused because of the old path may fare better on the new one.
      if (this.#refusedBy.delete(previous.nextHop)) this.#outputs.push({ type: 'packets-writable' })
    }
    if (change.route === undefined) {
      const { mesh } = this.#context.recorder
      mesh.packetsDroppedParkingFull.add(this.#parking.open(change.destination, nowMs).length)
      return
    }
    for (const waiting of this.#parking.close(change.destination)) this.#relay(waiting, nowMs)
    this.#context.recorder.mesh.parkedBytes.set(this.#parking.bytes)
  }

  poll(): ForwardingOutput | undefined {
    return this.#outputs.shift()
  }

  nextDeadlineMs(): number {
    return this.#parking.nextDeadlineMs()
  }

  handleDeadline(nowMs: number): void {
    const { mesh } = this.#context.recorder
    mesh.packetsDroppedParkingExpired.add(this.#parking.expire(nowMs).length)
    mesh.parkedBytes.set(this.#parking.bytes)
  }

  #parkOwn(packet: TransitPacket, nowMs: number): PacketSendResult {
    if (this.#parking.park(packet.destination, packet, nowMs) === 'parked') {
      this.#countParked()
      return 'accepted'
    }
    this.#context.recorder.mesh.packetsUnroutable.add()
    return 'no-route'
  }

  /** It takes turns with those that wait already. */
  #queueOwn(nextHop: PeerId, queue: TransitQueue, packet: TransitPacket): PacketSendResult {
    if (!queue.takesOwn(packet)) return this.#refuse(nextHop)
    queue.push(packet)
    this.#measureQueues()
    return 'accepted'
  }

  #refuse(nextHop: PeerId): PacketSendResult {
    this.#refusedBy.add(nextHop)
    this.#context.recorder.mesh.packetsRefused.add()
    return 'full'
  }

  #deliver(packet: Packet): void {
    const { source, payload, priority, congestionMarked } = packet
    this.#context.recorder.mesh.packetsDelivered.add()
    this.#outputs.push({ type: 'packet', from: source, payload, priority, congestionMarked })
  }

  #relay(waiting: TransitPacket, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const nextHop = this.#router.nextHop(waiting.destination)
    // Back where it came from: that neighbour's route is stale, and sending it would be a loop.
    if (nextHop === undefined || nextHop === waiting.arrivedFrom) {
      this.#park(waiting, nowMs)
      return
    }
    const queue = this.#queues.get(nextHop)
    if (queue?.waits(waiting.priority) !== true && this.#transmit(nextHop, waiting, nowMs)) return
    mesh.packetsDroppedQueueFull.add(this.#queue(nextHop).push(waiting).length)
    this.#measureQueues()
  }

  #transmit(nextHop: PeerId, waiting: TransitPacket, nowMs: number): boolean {
    const { header, payload, priority, arrivedFrom } = waiting
    const parts = [header.encode(this.#endsTo(nextHop)), payload]
    if (this.#links.send(nextHop, 'packet', priority, parts, nowMs) !== 'accepted') return false
    if (arrivedFrom === undefined) return true
    this.#context.recorder.mesh.packetsForwarded.add()
    this.#context.recorder.mesh.bytesForwarded.add(parts[0]!.length + payload.length)
    return true
  }

  #park(waiting: TransitPacket, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const result = this.#parking.park(waiting.destination, waiting, nowMs)
    if (result === 'parked') this.#countParked()
    else if (result === 'full') mesh.packetsDroppedParkingFull.add()
    else mesh.packetsDroppedNoRoute.add()
  }

  #countParked(): void {
    this.#context.recorder.mesh.packetsParked.add()
    this.#context.recorder.mesh.parkedBytes.set(this.#parking.bytes)
  }

  /** Sends what waits as far as the link takes it, each priority by itself. */
  #drain(neighbour: PeerId, nowMs: number): void {
    const queue = this.#queues.get(neighbour)
    if (queue === undefined) return
    for (const priority of priorities) this.#drainPriority(neighbour, queue, priority, nowMs)
    if (!priorities.some((priority) => queue.waits(priority))) this.#queues.delete(neighbour)
    this.#measureQueues()
  }

  #drainPriority(neighbour: PeerId, queue: TransitQueue, priority: Priority, nowMs: number): void {
    const { mesh } = this.#context.recorder
    for (
      let waiting = queue.head(priority);
      waiting !== undefined;
      waiting = queue.head(priority)
    ) {
      if (nowMs - waiting.arrivedAtMs > transitMsMax) {
        mesh.packetsDroppedQueueExpired.add()
      } else {
        const isOwn = waiting.arrivedFrom === undefined
        const isMarked = !isOwn && queue.isStanding(waiting, nowMs)
        if (isMarked) waiting.header.markCongestion()
        if (!this.#transmit(neighbour, waiting, nowMs)) return
        if (isMarked) mesh.packetsMarked.add()
      }
      queue.take(priority)
    }
  }

  #endsTo(neighbour: PeerId): LinkEnds {
    return { from: this.#local, to: neighbour }
  }

  #queue(neighbour: PeerId): TransitQueue {
    const present = this.#queues.get(neighbour)
    if (present !== undefined) return present
    const queue = new TransitQueue()
    this.#queues.set(neighbour, queue)
    return queue
  }

  #measureQueues(): void {
    let bytes = 0
    for (const queue of this.#queues.values()) bytes += queue.bytes
    this.#context.recorder.mesh.queuedBytes.set(bytes)
  }
}

function ownPacket(header: PacketHeader, payload: FramePayload, nowMs: number): TransitPacket {
  const whole = wholePayload(payload)
  return transitPacket(header, new TransitHeader(header), whole, undefined, nowMs)
}

function transitPacket(
  { source, destination, priority }: PacketHeader,
  header: TransitHeader,
  payload: Uint8Array,
  arrivedFrom: PeerId | undefined,
  arrivedAtMs: number,
): TransitPacket {
  const length = packetHeaderBytes + payload.length
  return { header, payload, length, source, destination, priority, arrivedFrom, arrivedAtMs }
}
