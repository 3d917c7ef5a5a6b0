/**
 * The mesh frames of one neighbour as they come in over several channels (rules LK9 and LK31 of
 * docs/specs/link.md): which of them are new, and what to acknowledge.
 *
 * Frames carry no numbers. Each channel delivers those of one priority in order, so a number is told
 * once for a channel and priority (`begin`) and counted on from there; frames that no `begin` went
 * before are dropped.
 *
 * Invariant: of each priority, frames are accepted once each, in the order of their numbers, without
 * gaps but where `begin` announced one.
 */

import { priorityIndexes } from './frame.ts'
import type { PriorityIndex } from './frame.ts'
import type { FrameCounts } from './bundle-frame.ts'
import { frameOverheadBytes } from './send-queue.ts'

/**
 * Bytes of frames after which a receipt is due, an eighth of what the other end keeps: lost in what
 * they acknowledge, and early enough that it hardly ever waits.
 */
export const receiptBytes = 32 * 1024

/** See the file header. `Channel` is whatever stands for a channel. */
export class InboundFrames<Channel> {
  readonly #received: number[] = [0, 0, 0, 0]
  /** For each channel and priority the number of the next frame; of some, unknown. */
  readonly #nextByChannel = new Map<Channel, (number | undefined)[]>()
  #unstatedBytes = 0

  /** How many of each priority have been received. */
  get received(): FrameCounts {
    return [...this.#received]
  }

  /** So much has come that the other end should be told. */
  get isReceiptDue(): boolean {
    return this.#unstatedBytes >= receiptBytes
  }

  /** Something has come that the other end was not told of. */
  get hasUnstated(): boolean {
    return this.#unstatedBytes > 0
  }

  /** The counts, which the other end is told now. */
  state(): FrameCounts {
    this.#unstatedBytes = 0
    return this.received
  }

  /** What has come and what is expected on each channel, as data. For tests and reports. */
  inspect(nameOf: (channel: Channel) => string): unknown {
    const channels = Array.from(this.#nextByChannel, ([channel, next]) => [nameOf(channel), next])
    return [this.received, this.#unstatedBytes, channels]
  }

  /** A frame came. False when it came before over another channel, or will come again over one. */
  accept(channel: Channel, priority: PriorityIndex, payloadBytes: number): boolean {
    const next = this.#nextByChannel.get(channel)
    const number = next?.[priority]
    if (!next || number === undefined) return false
    next[priority] = number + 1
    if (number !== this.#received[priority]) return false
    this.#received[priority] = number + 1
    this.#unstatedBytes += payloadBytes + frameOverheadBytes
    return true
  }

  /**
   * The next frame of the priority on the channel has that number, and so many before it are given up.
   * False when others will never come either. All that do not count as received.
   */
  begin(channel: Channel, priority: PriorityIndex, first: number, givenUp: number): boolean {
    const next = this.#nextByChannel.get(channel) ?? priorityIndexes.map(() => undefined)
    this.#nextByChannel.set(channel, next)
    next[priority] = first
    const received = this.#received[priority]!
    this.#received[priority] = Math.max(received, first)
    return first - givenUp <= received
  }

  /** The other end has begun a new link, whose frames have these numbers on. */
  beginAnew(firsts: FrameCounts): void {
    for (const priority of priorityIndexes) this.#received[priority] = firsts[priority]!
    this.#nextByChannel.clear()
  }

  /** The channel is gone. */
  forget(channel: Channel): void {
    this.#nextByChannel.delete(channel)
  }
}
