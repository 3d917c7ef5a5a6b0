/**
 * Forwarding: deliver a packet, pass it on, let it wait, or drop it with a counted reason
 * (rules MP4 to MP11).
 *
 * Own packets are refused while the link is full, so that the sender slows down; packets of others
 * wait in a bounded queue, are marked when they waited, and dropped when they waited too long.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { FramePayload, LinkPort, Priority } from '../link/link-port.ts'
import {
  decodePacket,
  encodePacket,
  encodePacketHeader,
  hopLimitInitial,
  markCongestion,
  spendHop,
  type Packet,
} from './packet.ts'
import type { PacketSendResult } from './packet-port.ts'
import { Parking } from './parking.ts'
import type { RouteChange, Router } from './router.ts'
import { TransitQueue } from './transit-queue.ts'

/** A packet that waited longer for its link is marked: standing queues begin to hurt here. */
export const congestionMarkMs = 25
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

interface Waiting {
  readonly bytes: Uint8Array
  readonly destination: PeerId
  readonly priority: Priority
  /** The neighbour it came from; undefined for our own. */
  readonly arrivedFrom: PeerId | undefined
  readonly arrivedAtMs: number
}

/** Moves packets between links, and between links and the layer above. */
export class Forwarding {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #router: Router
  readonly #links: LinkPort
  readonly #queues = new Map<PeerId, TransitQueue<Waiting>>()
  readonly #parking = new Parking<Waiting>()
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
    const { mesh } = this.#context.recorder
    const nextHop = this.#router.nextHop(destination, undefined)
    if (nextHop !== undefined && this.#queues.get(nextHop)?.waits(priority) === true) {
      return this.#refuse(nextHop)
    }
    const hopLimit = hopLimitInitial
    const congestionMarked = false
    const source = this.#local
    const header = { priority, hopLimit, congestionMarked, source, destination }
    if (nextHop === undefined) {
      const bytes = encodePacket({ ...header, payload: wholePayload(payload) })
      const waiting = { bytes, destination, priority, arrivedFrom: undefined, arrivedAtMs: nowMs }
      if (this.#parking.park(destination, waiting, nowMs) !== 'parked') {
        mesh.packetsUnroutable.add()
        return 'no-route'
      }
      this.#countParked()
    } else {
      const rest = payload instanceof Uint8Array ? [payload] : payload
      const parts = [encodePacketHeader(header), ...rest]
      const result = this.#links.send(nextHop, 'packet', priority, parts, nowMs)
      if (result !== 'accepted') return this.#refuse(nextHop)
    }
    mesh.packetsSent.add()
    return 'accepted'
  }

  /** A packet frame of a neighbour. The bytes are ours: hop limit and marks change in place. */
  frameReceived(from: PeerId, bytes: Uint8Array, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const packet = decodePacket(bytes)
    if (packet === undefined) mesh.packetsDroppedMalformed.add()
    else if (packet.source === this.#local) mesh.packetsDroppedSourceSpoofed.add()
    else if (packet.destination === this.#local) this.#deliver(packet)
    else if (packet.hopLimit === 1) mesh.packetsDroppedHopLimit.add()
    else {
      spendHop(bytes)
      const { destination, priority } = packet
      this.#relay({ bytes, destination, priority, arrivedFrom: from, arrivedAtMs: nowMs }, nowMs)
    }
  }

  linkWritable(neighbour: PeerId, nowMs: number): void {
    this.#drain(neighbour, nowMs)
    if (this.#queues.has(neighbour)) return
    if (this.#refusedBy.delete(neighbour)) this.#outputs.push({ type: 'packets-writable' })
  }

  /** The neighbour's packets look for another way. Called after the router heard of it. */
  linkDown(neighbour: PeerId, nowMs: number): void {
    const queue = this.#queues.get(neighbour)
    this.#queues.delete(neighbour)
    for (let waiting = queue?.shift(); waiting !== undefined; waiting = queue?.shift()) {
      this.#relay(waiting, nowMs)
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

  #relay(waiting: Waiting, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const nextHop = this.#router.nextHop(waiting.destination, waiting.arrivedFrom)
    // Back where it came from: that neighbour's route is stale, and sending it would be a loop.
    if (nextHop === undefined || nextHop === waiting.arrivedFrom) {
      this.#park(waiting, nowMs)
      return
    }
    const queue = this.#queues.get(nextHop)
    if (queue?.waits(waiting.priority) !== true && this.#transmit(nextHop, waiting, nowMs)) return
    if (this.#queue(nextHop).push(waiting)) this.#measureQueues()
    else mesh.packetsDroppedQueueFull.add()
  }

  #transmit(nextHop: PeerId, waiting: Waiting, nowMs: number): boolean {
    const { bytes, priority } = waiting
    if (this.#links.send(nextHop, 'packet', priority, bytes, nowMs) !== 'accepted') return false
    if (waiting.arrivedFrom === undefined) return true
    this.#context.recorder.mesh.packetsForwarded.add()
    this.#context.recorder.mesh.bytesForwarded.add(bytes.length)
    return true
  }

  #park(waiting: Waiting, nowMs: number): void {
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

  #drain(neighbour: PeerId, nowMs: number): void {
    const { mesh } = this.#context.recorder
    const queue = this.#queues.get(neighbour)
    if (queue === undefined) return
    for (let waiting = queue.peek(); waiting !== undefined; waiting = queue.peek()) {
      const waitedMs = nowMs - waiting.arrivedAtMs
      if (waitedMs > transitMsMax) {
        mesh.packetsDroppedQueueExpired.add()
      } else {
        const late = waitedMs > congestionMarkMs
        if (late) markCongestion(waiting.bytes)
        if (!this.#transmit(neighbour, waiting, nowMs)) break
        if (late) mesh.packetsMarked.add()
      }
      queue.shift()
    }
    if (queue.peek() === undefined) this.#queues.delete(neighbour)
    this.#measureQueues()
  }

  #queue(neighbour: PeerId): TransitQueue<Waiting> {
    const present = this.#queues.get(neighbour)
    if (present !== undefined) return present
    const queue = new TransitQueue<Waiting>()
    this.#queues.set(neighbour, queue)
    return queue
  }

  #measureQueues(): void {
    let bytes = 0
    for (const queue of this.#queues.values()) bytes += queue.bytes
    this.#context.recorder.mesh.queuedBytes.set(bytes)
  }
}
