/**
 * Congestion control: how many bytes may be under way. Controllers stand side by side behind one
 * interface (rules RC6 to RC9).
 */

/** 64 KiB: reaches full speed within a few round trips, and a relay's queue takes it. */
export const congestionWindowBytesInitial = 64 * 1024

/** 1 MiB: 84 Mbit/s at 100 ms. What is unacknowledged is held in memory, so it is bounded. */
export const congestionWindowBytesMax = 1024 * 1024

/** The window never falls below two packets: one could leave its acknowledgement to a timer. */
export const congestionWindowPacketsMin = 2

/** Share of the window kept after a loss. */
const lossFactor = 0.7

/** Decides how many bytes may be in flight. Sizes are those of whole packets. */
export interface CongestionController {
  readonly windowBytes: number
  /** Bytes sent at `sentAtMs` arrived; `limited` when the window, not the sender, was the limit. */
  acknowledged(bytes: number, sentAtMs: number, limited: boolean): void
  /** Packets were lost, the latest of them sent at `sentAtMs`. */
  lost(sentAtMs: number, nowMs: number): void
  /** The path is another one. */
  reset(): void
  /** Largest packet of the path, in bytes. */
  setPacketBytes(bytes: number): void
}

/** Slow start, then one packet more a round trip, and 0.7 of the window after a loss (RFC 9002, 7.3). */
export class AdditiveIncrease implements CongestionController {
  #windowBytes = congestionWindowBytesInitial
  #slowStartThresholdBytes = Number.POSITIVE_INFINITY
  #recoveryStartMs = Number.NEGATIVE_INFINITY
  #packetBytes = 1200

  get windowBytes(): number {
    return Math.max(this.#windowBytes, congestionWindowPacketsMin * this.#packetBytes)
  }

  acknowledged(bytes: number, sentAtMs: number, limited: boolean): void {
    // What was sent before the last loss was noticed says nothing of the smaller window.
    if (!limited || sentAtMs <= this.#recoveryStartMs) return
    const inSlowStart = this.#windowBytes < this.#slowStartThresholdBytes
    const growth = inSlowStart ? bytes : (this.#packetBytes * bytes) / this.#windowBytes
    this.#windowBytes = Math.min(this.#windowBytes + growth, congestionWindowBytesMax)
  }

  lost(sentAtMs: number, nowMs: number): void {
    if (sentAtMs <= this.#recoveryStartMs) return
    this.#recoveryStartMs = nowMs
    this.#windowBytes = this.windowBytes * lossFactor
    this.#slowStartThresholdBytes = this.#windowBytes
  }

  reset(): void {
    this.#windowBytes = congestionWindowBytesInitial
    this.#slowStartThresholdBytes = Number.POSITIVE_INFINITY
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes
  }
}
