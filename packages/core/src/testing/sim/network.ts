/**
 * The pipes of a simulated world: reliable, ordered, as slow as their profile says, and cut at will.
 *
 * A cut is silent (messages vanish, as when a device leaves the room) until either end is told.
 */

import type { ChannelId, Input } from '../../engine/input.ts'
import type { LinkProfile } from './link-profile.ts'

/** One end of a pipe: whoever sits there, and what it calls the channel. */
export interface PipeEnd {
  readonly peer: string
  readonly channel: ChannelId
  /** Hands over an input, unless that boot of the peer is over. */
  readonly deliver: (input: Input) => void
}

/** What a pipe needs of its world. */
export interface PipeWorld {
  readonly nowMs: number
  after(delayMs: number, action: () => void): void
  /** A number from 0 to 1 from the world's seed. */
  fraction(): number
  isPartitioned(left: string, right: string): boolean
}

interface Direction {
  readonly from: PipeEnd
  readonly to: PipeEnd
  /** When the sender's side is done with what it has accepted. */
  busyUntilMs: number
  /** No message arrives before the one sent before it. */
  arrivesAtMs: number
  sentBytes: number
}

/** An open pipe between two peers. */
export class Pipe {
  readonly #world: PipeWorld
  readonly #profile: LinkProfile
  readonly #directions: readonly [Direction, Direction]
  #isOpen = true

  constructor(world: PipeWorld, profile: LinkProfile, left: PipeEnd, right: PipeEnd) {
    this.#world = world
    this.#profile = profile
    const fresh = { busyUntilMs: 0, arrivesAtMs: 0, sentBytes: 0 }
    this.#directions = [
      { from: left, to: right, ...fresh },
      { from: right, to: left, ...fresh },
    ]
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  joins(left: string, right: string): boolean {
    return this.#directions.some(({ from, to }) => from.peer === left && to.peer === right)
  }

  touches(peer: string): boolean {
    return this.#directions.some(({ from }) => from.peer === peer)
  }

  send(from: string, channel: ChannelId, bytes: Uint8Array): void {
    const direction = this.#directions.find(
      (candidate) => candidate.from.peer === from && candidate.from.channel === channel,
    )
    if (direction === undefined || !this.#isOpen) return
    const { latencyMs, jitterMs, bytesPerMs } = this.#profile
    const world = this.#world
    const startMs = Math.max(world.nowMs, direction.busyUntilMs)
    direction.busyUntilMs = startMs + bytes.length / bytesPerMs
    const arrivesAtMs = direction.busyUntilMs + latencyMs + jitterMs * world.fraction()
    direction.arrivesAtMs = Math.max(direction.arrivesAtMs, arrivesAtMs)
    direction.sentBytes += bytes.length
    const drainedBytes = direction.sentBytes

    world.after(direction.busyUntilMs - world.nowMs, () => {
      if (!this.#isOpen) return
      direction.from.deliver({ type: 'channel-drained', channel, drainedBytes })
    })
    world.after(direction.arrivesAtMs - world.nowMs, () => {
      const { from: sender, to: receiver } = direction
      if (!this.#isOpen || world.isPartitioned(sender.peer, receiver.peer)) return
      receiver.deliver({ type: 'channel-received', channel: receiver.channel, bytes })
    })
  }

  /** One end closes in good order: the other learns of it after what is under way. */
  close(closer: string): void {
    if (!this.#isOpen) return
    for (const { from, to, arrivesAtMs } of this.#directions) {
      if (from.peer === closer) {
        from.deliver({ type: 'channel-closed', channel: from.channel, reason: 'local' })
        const delayMs = Math.max(arrivesAtMs - this.#world.nowMs, this.#profile.latencyMs)
        this.#world.after(delayMs, () => {
          this.#isOpen = false
          if (this.#world.isPartitioned(from.peer, to.peer)) return
          to.deliver({ type: 'channel-closed', channel: to.channel, reason: 'remote' })
        })
      }
    }
  }

  /** The pipe breaks and both ends notice. */
  break(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    for (const { from } of this.#directions) {
      from.deliver({ type: 'channel-closed', channel: from.channel, reason: 'lost' })
    }
  }

  /** The pipe breaks and nobody notices. */
  vanish(): void {
    this.#isOpen = false
  }
}
