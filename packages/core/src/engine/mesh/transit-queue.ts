/**
 * The transit queue of one neighbour: accepted packets that its full link does not take yet
 * (rule MP8). Strict priorities; within one, first in, first out.
 */

import { priorities, type Priority } from '../link/link-port.ts'
import { packetOverheadBytes } from './parking.ts'

/**
 * For each priority of each neighbour, bookkeeping included; a further packet is dropped. One packet
 * of any size always fits.
 */
export const transitBytesMax = 64 * 1024

interface Lane<Queued> {
  readonly queued: Queued[]
  bytes: number
}

/** Packets in the order in which they leave. */
export class TransitQueue<
  Queued extends { readonly bytes: Uint8Array; readonly priority: Priority },
> {
  readonly #lanes: readonly Lane<Queued>[] = priorities.map(() => ({ queued: [], bytes: 0 }))

  /** Bytes kept, bookkeeping included. */
  get bytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0)
  }

  /** Something of this priority waits already, so nothing may overtake it. */
  waits(priority: Priority): boolean {
    return this.#lane(priority).queued.length > 0
  }

  /** False when the lane is full and the packet was not taken. */
  push(packet: Queued): boolean {
    const lane = this.#lane(packet.priority)
    const bytes = packet.bytes.length + packetOverheadBytes
    if (lane.queued.length > 0 && lane.bytes + bytes > transitBytesMax) return false
    lane.queued.push(packet)
    lane.bytes += bytes
    return true
  }

  /** The packet that leaves next, left in place. */
  peek(): Queued | undefined {
    return this.#lanes.find((lane) => lane.queued.length > 0)?.queued[0]
  }

  /** Takes out the packet that leaves next. */
  shift(): Queued | undefined {
    const lane = this.#lanes.find((lane) => lane.queued.length > 0)
    const packet = lane?.queued.shift()
    if (lane !== undefined && packet !== undefined) {
      lane.bytes -= packet.bytes.length + packetOverheadBytes
    }
    return packet
  }

  #lane(priority: Priority): Lane<Queued> {
    return this.#lanes[priorities.indexOf(priority)]!
  }
}
