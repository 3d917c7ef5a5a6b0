/**
 * One channel of a simulated path: as fast, as late and as unreliable as its profile says, the same
 * both ways.
 *
 * Invariant: a reliable and ordered one delivers every message, in order, until it is cut.
 */

import type { ChannelId } from '../../../engine/input.ts'
import type { ChannelCloseReason } from '../../../transport/channel.ts'
import type { PathProfile } from './path-profile.ts'

/** Where one end of a channel delivers. */
export interface PathChannelEnd {
  readonly channel: ChannelId
  received(bytes: Uint8Array): void
  drained(totalBytes: number): void
  closed(reason: ChannelCloseReason): void
}

/** What a channel needs of its world. */
export interface PathClock {
  readonly nowMs: number
  at(atMs: number, action: () => void): void
  /** A number from 0 to 1 from the world's seed. */
  fraction(): number
}

interface Direction {
  readonly from: PathChannelEnd
  readonly to: PathChannelEnd
  sentBytes: number
  drainedBytes: number
  /** When the last message accepted has left. */
  clearAtMs: number
  arrivedAtMs: number
  mostOutstandingBytes: number
}

export class PathChannel {
  readonly #clock: PathClock
  readonly #profile: PathProfile
  readonly #directions: readonly [Direction, Direction]
  #isOpen = true
  #isSilent = false

  constructor(clock: PathClock, profile: PathProfile, left: PathChannelEnd, right: PathChannelEnd) {
    this.#clock = clock
    this.#profile = profile
    const fresh = {
      sentBytes: 0,
      drainedBytes: 0,
      clearAtMs: 0,
      arrivedAtMs: 0,
      mostOutstandingBytes: 0,
    }
    this.#directions = [
      { from: left, to: right, ...fresh },
      { from: right, to: left, ...fresh },
    ]
  }

  /** The most that was sent in one direction and not reported as drained, so far. */
  get mostOutstandingBytes(): number {
    return Math.max(...this.#directions.map((direction) => direction.mostOutstandingBytes))
  }

  /** Bytes sent from that end so far. */
  sentBytes(end: PathChannelEnd): number {
    return this.#from(end).sentBytes
  }

  send(end: PathChannelEnd, bytes: Uint8Array): void {
    if (!this.#isOpen) return
    const clock = this.#clock
    const profile = this.#profile
    const direction = this.#from(end)
    direction.sentBytes += bytes.length
    direction.clearAtMs =
      Math.max(direction.clearAtMs, clock.nowMs) + bytes.length / profile.bytesPerMs
    const outstandingBytes = direction.sentBytes - direction.drainedBytes
    direction.mostOutstandingBytes = Math.max(direction.mostOutstandingBytes, outstandingBytes)

    const sentBytes = direction.sentBytes
    const drainedAtMs = direction.clearAtMs - profile.hostBufferBytes / profile.bytesPerMs
    clock.at(Math.max(clock.nowMs, drainedAtMs), () => {
      if (this.#isSilent) return
      direction.drainedBytes = Math.max(direction.drainedBytes, sentBytes)
      if (this.#isOpen) direction.from.drained(sentBytes)
    })

    if (profile.lossShare > 0 && clock.fraction() < profile.lossShare) return
    const isLate = profile.reorderShare > 0 && clock.fraction() < profile.reorderShare
    const jitterMs = profile.jitterMs * clock.fraction() + (isLate ? profile.reorderMs : 0)
    let arrivesAtMs = direction.clearAtMs + profile.latencyMs + jitterMs
    if (profile.traits.ordered) arrivesAtMs = Math.max(arrivesAtMs, direction.arrivedAtMs)
    direction.arrivedAtMs = arrivesAtMs
    clock.at(arrivesAtMs, () => {
      if (this.#isOpen && !this.#isSilent) direction.to.received(bytes)
    })
  }

  /** Closes in good order, by that end: what is under way arrives first. */
  close(end: PathChannelEnd): void {
    if (!this.#isOpen) return
    const { arrivedAtMs, from, to } = this.#from(end)
    this.#clock.at(this.#clock.nowMs, () => from.closed('local'))
    if (this.#isSilent) return
    this.#clock.at(Math.max(this.#clock.nowMs, arrivedAtMs), () => {
      if (!this.#isOpen) return
      this.#isOpen = false
      to.closed('remote')
    })
  }

  /** Breaks at once; each end is told so much later. What is under way is lost. */
  cut(detectionMs: number): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#clock.at(this.#clock.nowMs + detectionMs, () => {
      for (const { from } of this.#directions) from.closed('lost')
    })
  }

  /** Nothing arrives any more, nothing drains, and nobody is told. */
  silence(): void {
    this.#isSilent = true
  }

  #from(end: PathChannelEnd): Direction {
    return this.#directions.find(({ from }) => from === end)!
  }
}
