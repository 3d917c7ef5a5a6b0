/**
 * The packets of one rank under way, in the order in which they were sent.
 *
 * Packets leave from anywhere, so what has left stays as an empty place until it is at the front.
 * Invariant: the front is under way, or the queue is empty.
 */

import type { SentPacket } from './sent-packet.ts'

/** Places at the front that may be spent before the rest is moved there. */
const spentPlacesMin = 256

const none: readonly SentPacket[] = []

export class RankQueue {
  #packets: SentPacket[] = []
  #front = 0
  #nextSequence = 0
  /** Packets under way. */
  count = 0
  largestAcknowledged = -1
  lastSentAtMs = 0

  /** The packet that was sent first. */
  get oldest(): SentPacket | undefined {
    return this.#packets[this.#front]
  }

  sent(packet: SentPacket, nowMs: number): void {
    packet.sequence = this.#nextSequence
    this.#nextSequence += 1
    this.lastSentAtMs = nowMs
    this.count += 1
    this.#packets.push(packet)
  }

  /** A packet is not under way any more; its state says so. */
  removed(): void {
    this.count -= 1
    while (this.#front < this.#packets.length && this.#packets[this.#front]!.state !== 'sent') {
      this.#front += 1
    }
    if (this.#front === this.#packets.length) {
      this.#packets = []
      this.#front = 0
    } else if (this.#front >= spentPlacesMin && this.#front * 2 >= this.#packets.length) {
      this.#packets = this.#packets.slice(this.#front)
      this.#front = 0
    }
  }

  /** Those under way that a packet overtook which is known to have arrived, the oldest first. */
  overtaken(): readonly SentPacket[] {
    const { oldest } = this
    if (oldest === undefined || oldest.sequence >= this.largestAcknowledged) return none
    const overtaken: SentPacket[] = []
    for (let index = this.#front; index < this.#packets.length; index += 1) {
      const packet = this.#packets[index]!
      if (packet.sequence >= this.largestAcknowledged) break
      if (packet.state === 'sent') overtaken.push(packet)
    }
    return overtaken
  }

  /** All under way, the oldest first. */
  all(): SentPacket[] {
    return this.#packets.slice(this.#front).filter((packet) => packet.state === 'sent')
  }
}
