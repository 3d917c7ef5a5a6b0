/**
 * What happens to messages between two virtual peers: one direction of one channel, with a bottleneck
 * and the faults that the channel's traits admit to. Repeatable: all chance comes from one seed.
 */

import type { Random } from '../crypto/random.ts'
import type { ChannelTraits } from '../../transport/channel.ts'

/** Of a direction. What a reliable or ordered channel does not do does not happen on it. */
export interface PathFaults {
  /** Share of messages that are lost, on channels that are not reliable. */
  readonly lossRatio: number
  /** Share of messages that come twice, on channels that are not reliable. */
  readonly duplicateRatio: number
  /** Share of messages that leave their order, on channels that are not ordered… */
  readonly reorderRatio: number
  /** …and come late by up to that, or, below 0, early by just that. */
  readonly reorderMs: number
  /** Of the bottleneck. */
  readonly bytesPerMs: number
  /** What waits before the bottleneck of a channel that is not reliable; more is lost. */
  readonly queueBytes: number
  /** Longer messages are `cut` or `vanish`. */
  readonly takesBytes: number
  readonly longOnes: 'cut' | 'vanish'
}

export const noFaults: PathFaults = {
  lossRatio: 0,
  duplicateRatio: 0,
  reorderRatio: 0,
  reorderMs: 0,
  bytesPerMs: Number.POSITIVE_INFINITY,
  queueBytes: 64 * 1024,
  takesBytes: Number.POSITIVE_INFINITY,
  longOnes: 'cut',
}

/** What becomes of one message. */
export interface Passage {
  /** When the sender's side is done with it. */
  readonly leavesAtMs: number
  /** What arrives, and when; nothing, once or twice. */
  readonly arrivals: readonly { readonly bytes: Uint8Array; readonly atMs: number }[]
}

/** One direction of one channel. */
export class VirtualPath {
  readonly #traits: ChannelTraits
  readonly #random: Random
  #busyUntilMs = 0
  #arrivedAtMs = 0

  constructor(traits: ChannelTraits, random: Random) {
    this.#traits = traits
    this.#random = random
  }

  pass(bytes: Uint8Array, faults: PathFaults, latencyMs: number, nowMs: number): Passage {
    const { reliable, ordered } = this.#traits
    const startsAtMs = Math.max(nowMs, this.#busyUntilMs)
    const waitingBytes = (startsAtMs - nowMs) * faults.bytesPerMs
    if (!reliable && waitingBytes > faults.queueBytes) return { leavesAtMs: nowMs, arrivals: [] }
    const tooLong = bytes.length > faults.takesBytes
    if (tooLong && faults.longOnes === 'vanish') return { leavesAtMs: nowMs, arrivals: [] }
    const passed = tooLong ? bytes.slice(0, faults.takesBytes) : bytes
    this.#busyUntilMs = startsAtMs + passed.length / faults.bytesPerMs
    // What cannot be lost waits at the sender, what can be in the network.
    const leavesAtMs = reliable ? this.#busyUntilMs : nowMs
    if (!reliable && this.#happens(faults.lossRatio)) return { leavesAtMs, arrivals: [] }
    const atMs = ordered
      ? Math.max(this.#arrivedAtMs, this.#busyUntilMs + latencyMs)
      : Math.max(this.#busyUntilMs, this.#busyUntilMs + latencyMs + this.#strayMs(faults))
    this.#arrivedAtMs = Math.max(this.#arrivedAtMs, atMs)
    const arrivals = [{ bytes: passed, atMs }]
    if (!reliable && this.#happens(faults.duplicateRatio)) {
      arrivals.push({ bytes: passed.slice(), atMs: atMs + latencyMs * this.#random.fraction() })
    }
    return { leavesAtMs, arrivals }
  }

  #strayMs({ reorderRatio, reorderMs }: PathFaults): number {
    if (!this.#happens(reorderRatio)) return 0
    return reorderMs < 0 ? reorderMs : reorderMs * this.#random.fraction()
  }

  #happens(ratio: number): boolean {
    return ratio > 0 && this.#random.fraction() < ratio
  }
}
