/**
 * Packets that were declared lost, for a while: one that is acknowledged after all was only late,
 * and what followed from its loss can be taken back (rule RC13).
 */

import type { IntegerRange } from './range-set.ts'
import type { SentPacket } from './sent-packet.ts'

/** Declared losses remembered; beyond it the one sent first counts as lost for good. */
export const rememberedLossesMax = 1024

export class LostPackets {
  /** By number, ascending. */
  readonly #packets: SentPacket[] = []

  add(packet: SentPacket): void {
    const packets = this.#packets
    // Losses are found in the order of sending, but for those of different ranks.
    let place = packets.length
    while (place > 0 && packets[place - 1]!.number > packet.number) place -= 1
    packets.splice(place, 0, packet)
    if (packets.length > rememberedLossesMax) packets.shift()
  }

  /** Takes out those of the range: they have arrived. */
  takeArrived(range: IntegerRange, arrived: SentPacket[]): void {
    const packets = this.#packets
    if (packets.length === 0 || packets.at(-1)!.number < range.start) return
    const start = this.#placeOf(range.start)
    const end = this.#placeOf(range.end)
    if (start < end) arrived.push(...packets.splice(start, end - start))
  }

  /** Place of the first with that number or a greater one. */
  #placeOf(number: number): number {
    let low = 0
    let high = this.#packets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#packets[middle]!.number < number) low = middle + 1
      else high = middle
    }
    return low
  }
}
