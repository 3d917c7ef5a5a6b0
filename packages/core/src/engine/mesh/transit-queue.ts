/**
 * The packets that wait for one neighbour, whose link is full (rules MP7, MP8 and MP10): strict
 * priorities, and within one fair turns for each neighbour that packets came from, and of these for each
 * pair of source and destination.
 *
 * Neighbours come first because they are proven and sources are not: whoever makes up sources gets no
 * more than the share of the neighbour that passes it on.
 */

import { Fifo } from '../fifo.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'
import { FairTurns, type TurnQueue } from './fair-turns.ts'
import type { TransitHeader } from './packet.ts'
import { packetOverheadBytes } from './parking.ts'
import { StandingQueue } from './standing-queue.ts'

/**
 * Packets of others for each priority of each neighbour, bookkeeping included. Beyond it the pair that
 * holds most of the neighbour that holds most loses its oldest packet. One packet of any size fits.
 */
export const transitBytesMax = 64 * 1024

/**
 * The same for packets of our own to one destination, and to all: enough that one waits while another
 * leaves. Beyond it they are refused, and wait where they came from. One of any size fits.
 */
export const ownFlowBytesMax = 4 * 1024
export const ownBytesMax = 64 * 1024

/**
 * The last packets of a pair are not marked, however long they waited: on a slow link a packet of each of
 * the others takes longer than a queue may. One has to be there when it is the pair's turn, and one when
 * its sender hears of the mark.
 */
const unmarkedPackets = 2

/** A packet that waits. */
export interface TransitPacket {
  readonly header: TransitHeader
  readonly payload: Uint8Array
  /** Of header and payload, as far as turns and bounds go. */
  readonly length: number
  readonly source: PeerId
  readonly destination: PeerId
  readonly priority: Priority
  /** The neighbour it came from; undefined for our own. */
  readonly arrivedFrom: PeerId | undefined
  readonly arrivedAtMs: number
}

/** Packets of one pair, in order. */
class Flow implements TurnQueue<TransitPacket> {
  readonly standing = new StandingQueue()
  readonly #packets = new Fifo<TransitPacket>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#packets.length
  }

  push(packet: TransitPacket): void {
    this.#packets.push(packet)
    this.#bytes += heldBytes(packet)
  }

  head(): TransitPacket | undefined {
    return this.#packets.at(0)
  }

  take(): TransitPacket | undefined {
    const packet = this.#packets.shift()
    if (packet !== undefined) this.#bytes -= heldBytes(packet)
    return packet
  }
}

/** Packets of all pairs that one neighbour passed on. */
class Ingress implements TurnQueue<TransitPacket> {
  readonly isOwn: boolean
  readonly flows = new FairTurns<string, TransitPacket, Flow>()
  #bytes = 0
  #packetCount = 0

  constructor(isOwn: boolean) {
    this.isOwn = isOwn
  }

  get packetCount(): number {
    return this.#packetCount
  }

  get bytes(): number {
    return this.#bytes
  }

  flowOf(packet: TransitPacket): Flow | undefined {
    return this.flows.get(pairOf(packet))
  }

  push(packet: TransitPacket): void {
    let flow = this.flowOf(packet)
    if (flow === undefined) {
      flow = new Flow()
      this.flows.add(pairOf(packet), flow)
    }
    flow.push(packet)
    this.#bytes += heldBytes(packet)
    this.#packetCount += 1
  }

  head(): TransitPacket | undefined {
    return this.flows.head()
  }

  take(): TransitPacket | undefined {
    return this.#taken(this.flows.take())
  }

  /** Takes the oldest packet of the pair that holds most. */
  dropFromLargest(): TransitPacket | undefined {
    return this.#taken(largestOf(this.flows.queues())?.take())
  }

  #taken(packet: TransitPacket | undefined): TransitPacket | undefined {
    if (packet === undefined) return undefined
    this.#bytes -= heldBytes(packet)
    this.#packetCount -= 1
    return packet
  }
}

/** Packets of one priority. */
class Lane {
  readonly #turns = new FairTurns<PeerId | undefined, TransitPacket, Ingress>()

  get bytes(): number {
    let bytes = 0
    for (const ingress of this.#turns.queues()) bytes += ingress.bytes
    return bytes
  }

  /** Gives back what had to give way to the bound, which may be the packet itself. */
  push(packet: TransitPacket): readonly TransitPacket[] {
    let ingress = this.#turns.get(packet.arrivedFrom)
    if (ingress === undefined) {
      ingress = new Ingress(packet.arrivedFrom === undefined)
      this.#turns.add(packet.arrivedFrom, ingress)
    }
    ingress.push(packet)
    return ingress.isOwn ? [] : this.#dropExcess()
  }

  /** Whether a packet of our own may wait here. */
  takesOwn(packet: TransitPacket): boolean {
    const own = this.#turns.get(undefined)
    if (own === undefined || own.bytes === 0) return true
    const flow = own.flowOf(packet)
    const isFirst = flow === undefined || flow.bytes === 0
    const bytes = heldBytes(packet)
    if (own.bytes + bytes > ownBytesMax) return false
    return isFirst || flow.bytes + bytes <= ownFlowBytesMax
  }

  head(): TransitPacket | undefined {
    return this.#turns.head()
  }

  take(): TransitPacket | undefined {
    return this.#turns.take()
  }

  /** The head leaves now: whether it stood in a queue that its sender has to hear of. */
  isStanding(head: TransitPacket, nowMs: number): boolean {
    const flow = this.#turns.get(head.arrivedFrom)?.flowOf(head)
    if (flow === undefined) return false
    const isStanding = flow.standing.leaves(nowMs - head.arrivedAtMs, nowMs)
    return isStanding && flow.length > unmarkedPackets
  }

  #dropExcess(): readonly TransitPacket[] {
    const dropped: TransitPacket[] = []
    for (;;) {
      const others = [...this.#turns.queues()].filter(({ isOwn }) => !isOwn)
      const bytes = others.reduce((sum, ingress) => sum + ingress.bytes, 0)
      if (bytes <= transitBytesMax) return dropped
      const victim = largestOf(others)!
      // One packet of any size fits.
      if (bytes === victim.bytes && victim.packetCount === 1) return dropped
      dropped.push(victim.dropFromLargest()!)
    }
  }
}

/** See the file header. */
export class TransitQueue {
  readonly #lanes: readonly Lane[] = priorities.map(() => new Lane())

  /** Bytes kept, bookkeeping included. */
  get bytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0)
  }

  /** Something of this priority waits already, so it is a matter of turns. */
  waits(priority: Priority): boolean {
    return this.head(priority) !== undefined
  }

  /** Takes in a packet; gives back what had to give way to the bound, which may be the packet itself. */
  push(packet: TransitPacket): readonly TransitPacket[] {
    return this.#lane(packet.priority).push(packet)
  }

  /** Whether a packet of our own may wait here: it would not give way to the bound. */
  takesOwn(packet: TransitPacket): boolean {
    return this.#lane(packet.priority).takesOwn(packet)
  }

  /** The packet of that priority that leaves next, left in place. */
  head(priority: Priority): TransitPacket | undefined {
    return this.#lane(priority).head()
  }

  /** The head of its priority is about to leave: whether it is to be marked. */
  isStanding(head: TransitPacket, nowMs: number): boolean {
    return this.#lane(head.priority).isStanding(head, nowMs)
  }

  /** Takes out the packet of that priority that leaves next. */
  take(priority: Priority): TransitPacket | undefined {
    return this.#lane(priority).take()
  }

  #lane(priority: Priority): Lane {
    return this.#lanes[priorities.indexOf(priority)]!
  }
}

function heldBytes({ length }: TransitPacket): number {
  return length + packetOverheadBytes
}

/** Peer ids have one length, so a pair has one name. */
function pairOf({ source, destination }: TransitPacket): string {
  return source + destination
}

function largestOf<Queue extends { readonly bytes: number }>(
  queues: Iterable<Queue>,
): Queue | undefined {
  let largest: Queue | undefined
  for (const queue of queues) {
    if (largest === undefined || queue.bytes > largest.bytes) largest = queue
  }
  return largest
}
