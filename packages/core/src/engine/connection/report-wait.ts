/**
 * What was under way on a path that is gone may have arrived. On a narrow path, where a few packets
 * take long, nothing of it is sent again before the other end has said what it has (rule RC24).
 */

import type { SentPacket } from './sent-packet.ts'

/** Which ranks wait for that. */
export class ReportWait {
  readonly #isWaiting: boolean[] = []

  /** The rank sends nothing but probes. */
  holds(rank: number): boolean {
    return this.#isWaiting[rank] === true
  }

  /** These packets are due again: ranks wait that have more than `bytesMax` of them. True when any does. */
  begin(due: readonly SentPacket[], bytesMax: number): boolean {
    const bytesByRank: number[] = []
    for (const { rank, bytes } of due) bytesByRank[rank] = (bytesByRank[rank] ?? 0) + bytes
    for (const [rank, bytes = 0] of bytesByRank.entries()) {
      if (bytes > bytesMax) this.#isWaiting[rank] = true
    }
    return this.#isWaiting.includes(true)
  }

  /** The other end has said something, or there is another path. */
  end(): void {
    this.#isWaiting.length = 0
  }
}
