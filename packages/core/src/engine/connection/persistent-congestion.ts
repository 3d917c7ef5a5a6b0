/**
 * Whether losses tell that nothing at all arrived for so long that the window is void: three probe
 * timeouts (RFC 9002, section 7.6; rule RC12).
 */

import type { SentPacket } from './sent-packet.ts'

/** Probe timeouts of silence (RFC 9002, section 7.6.1). */
const probeTimeouts = 3

/** When packets that arrived were sent; kept as far as the last judgement needs it. */
export class PersistentCongestion {
  /** Of all but the latest acknowledgement, the latest. */
  #arrivedSentAtMs = Number.NEGATIVE_INFINITY
  /** Those of the latest acknowledgement. */
  #latest: readonly SentPacket[] = []

  /** Packets arrived. */
  arrived(packets: readonly SentPacket[]): void {
    if (packets.length === 0) return
    for (const packet of this.#latest) {
      this.#arrivedSentAtMs = Math.max(this.#arrivedSentAtMs, packet.sentAtMs!)
    }
    this.#latest = packets
  }

  /** Nothing is known of a new path. */
  reset(): void {
    this.#arrivedSentAtMs = Number.NEGATIVE_INFINITY
    this.#latest = []
  }

  /**
   * Of these packets of one flow, which were lost and had been sent after its first round trip was
   * known, some two were sent so far apart, and none between that arrived.
   */
  isShownBy(lost: readonly SentPacket[], probeTimeoutMs: number): boolean {
    const durationMs = probeTimeouts * probeTimeoutMs
    const arrivedAtMs = sendingTimes(this.#latest)
    let firstMs = Number.POSITIVE_INFINITY
    let arrivals = 0
    for (const lostAtMs of sendingTimes(lost)) {
      if (lostAtMs <= this.#arrivedSentAtMs) continue
      while ((arrivedAtMs[arrivals] ?? Number.POSITIVE_INFINITY) <= lostAtMs) {
        arrivals += 1
        firstMs = Number.POSITIVE_INFINITY
      }
      firstMs = Math.min(firstMs, lostAtMs)
      if (lostAtMs - firstMs > durationMs) return true
    }
    return false
  }
}

function sendingTimes(packets: readonly SentPacket[]): readonly number[] {
  return packets.map((packet) => packet.sentAtMs!).toSorted((left, right) => left - right)
}
