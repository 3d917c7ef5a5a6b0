/**
 * Parking: packets whose destination lost its route a moment ago wait for another one (rule MP9).
 *
 * Routes flap for a second or two; a packet that waits is cheaper than one that is sent again from
 * the far end.
 */

import type { PeerId } from '../identity/peer-id.ts'

/** How long after its route was lost a destination's packets are kept. */
export const parkingMs = 2_000
/** For one destination; a further packet is refused. One packet of any size always fits. */
export const parkedBytesMax = 64 * 1024
/** For all destinations together. */
export const parkedBytesTotalMax = 1024 * 1024
/** Destinations remembered as lost; the one lost first is forgotten, with its packets. */
export const lostDestinationsMax = 1_024
/** What a packet's bookkeeping is counted as, so that tiny packets cannot be kept by the million. */
export const packetOverheadBytes = 64

/** What became of a packet that was to be parked. */
export type ParkResult = 'parked' | 'full' | 'not-lost-lately'

interface Lot<Parked> {
  readonly closesAtMs: number
  readonly parked: Parked[]
  bytes: number
}

/** Packets by destination. `Parked` is whatever forwarding keeps of one. */
export class Parking<Parked extends { readonly length: number }> {
  /** In the order in which they were opened, which is that of their closing. */
  readonly #lots = new Map<PeerId, Lot<Parked>>()
  #bytes = 0

  /** Bytes kept, bookkeeping included. */
  get bytes(): number {
    return this.#bytes
  }

  /** The route is lost: packets may be parked from now on. Returns what gave way to the bound. */
  open(destination: PeerId, nowMs: number): readonly Parked[] {
    if (this.#lots.has(destination)) return []
    this.#lots.set(destination, { closesAtMs: nowMs + parkingMs, parked: [], bytes: 0 })
    if (this.#lots.size <= lostDestinationsMax) return []
    const [oldest = destination] = this.#lots.keys()
    return this.close(oldest)
  }

  park(destination: PeerId, parked: Parked, nowMs: number): ParkResult {
    const lot = this.#lots.get(destination)
    if (lot === undefined || nowMs >= lot.closesAtMs) return 'not-lost-lately'
    const bytes = parked.length + packetOverheadBytes
    if (lot.parked.length > 0 && lot.bytes + bytes > parkedBytesMax) return 'full'
    if (this.#bytes + bytes > parkedBytesTotalMax) return 'full'
    lot.parked.push(parked)
    lot.bytes += bytes
    this.#bytes += bytes
    return 'parked'
  }

  /** Ends the parking of a destination and hands back its packets, the oldest first. */
  close(destination: PeerId): readonly Parked[] {
    const lot = this.#lots.get(destination)
    if (lot === undefined) return []
    this.#lots.delete(destination)
    this.#bytes -= lot.bytes
    return lot.parked
  }

  /** Closes what is due and returns the packets that waited in vain. */
  expire(nowMs: number): readonly Parked[] {
    const expired: Parked[] = []
    for (const [destination, lot] of this.#lots) {
      if (nowMs < lot.closesAtMs) break
      expired.push(...this.close(destination))
    }
    return expired
  }

  nextDeadlineMs(): number {
    for (const lot of this.#lots.values()) return lot.closesAtMs
    return Infinity
  }
}
