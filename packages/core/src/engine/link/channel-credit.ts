/**
 * How much may be under way on one channel (rule LK11 of docs/specs/link.md).
 *
 * Invariant: bytes sent and not yet reported as drained never exceed `outstandingBytesMax`, but
 * for a single message on an idle channel.
 */

/**
 * Bytes under way, at most. More would only wait inside the transport, where no priority reaches
 * them; WebRTC channels slow down, and may die, beyond 1 MiB.
 */
export const outstandingBytesMax = 256 * 1024

/** After a wait, sending goes on when this much is left: one large refill beats many small ones. */
export const outstandingBytesLow = 64 * 1024

/** Kept free for hellos and farewells, so that a full channel does not look dead. */
export const controlReserveBytes = 8 * 1024

/** Largest message sent out of the reserve, in bytes. */
export const controlMessageBytesMax = 2 * 1024

/** What the next message may be. */
export type Allowance = 'any' | 'control' | 'none'

/** The credit of one channel. */
export class ChannelCredit {
  #sentBytes = 0
  #drainedBytes = 0
  #waiting = false

  get outstandingBytes(): number {
    return this.#sentBytes - this.#drainedBytes
  }

  /** Held back until the channel has drained to its low mark. */
  get waiting(): boolean {
    return this.#waiting
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes
  }

  /** Cumulative, as the driver reports it; a report that is out of range changes nothing. */
  drained(totalBytes: number): void {
    if (totalBytes > this.#drainedBytes && totalBytes <= this.#sentBytes) {
      this.#drainedBytes = totalBytes
    }
    if (this.outstandingBytes <= outstandingBytesLow) this.#waiting = false
  }

  /** Whether a message of that length may be sent at all. */
  takes(messageBytes: number): boolean {
    const outstanding = this.outstandingBytes
    return outstanding === 0 || outstanding + messageBytes <= outstandingBytesMax
  }

  /** What may be sent now, when the next message has at most that many bytes. */
  allowance(messageBytes: number): Allowance {
    const outstanding = this.outstandingBytes
    if (outstanding === 0) return 'any'
    if (!this.#waiting && outstanding + messageBytes <= outstandingBytesMax - controlReserveBytes) {
      return 'any'
    }
    this.#waiting = true
    const controlBytes = Math.min(messageBytes, controlMessageBytesMax)
    return outstanding + controlBytes <= outstandingBytesMax ? 'control' : 'none'
  }
}
