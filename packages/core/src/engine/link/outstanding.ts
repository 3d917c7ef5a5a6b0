/** What a channel was given and has not carried away yet, as its driver reports it. */

/**
 * Bytes that were sent and are not reported as drained, at most, but for a single message. More would
 * only wait inside the transport, where no priority reaches them; WebRTC channels slow down, and may
 * die, beyond 1 MiB.
 */
export const outstandingBytesMax = 256 * 1024

/** See the file header. */
export class Outstanding {
  #sentBytes = 0
  #drainedBytes = 0

  get bytes(): number {
    return this.#sentBytes - this.#drainedBytes
  }

  /** Length of a message that may be sent, at most; below 1 when none may. */
  get roomBytes(): number {
    return this.bytes === 0 ? Number.POSITIVE_INFINITY : outstandingBytesMax - this.bytes
  }

  /** Whether a message of that length may be sent. */
  takes(messageBytes: number): boolean {
    return messageBytes <= this.roomBytes
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes
  }

  /** A cumulative report; gives how much is new in it. One that is out of range changes nothing. */
  drained(totalBytes: number): number {
    if (totalBytes <= this.#drainedBytes || totalBytes > this.#sentBytes) return 0
    const bytes = totalBytes - this.#drainedBytes
    this.#drainedBytes = totalBytes
    return bytes
  }
}
