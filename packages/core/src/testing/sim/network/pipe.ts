/** A pipe between two peers: two directions that open, close and break together. */

import type { ChannelId } from '../../../engine/input.ts'
import type { Dice } from '../world/dice.ts'
import { PipeDirection, type PipeEnd, type PipeWorld, type Weather } from './pipe-direction.ts'
import type { LinkProfile } from './profiles.ts'

/** The sender of a message that broke a pipe notices so much later than the receiver, at most. */
const noticeMsMax = 3_000

/** See the file header. */
export class Pipe {
  readonly transport: string
  readonly #world: PipeWorld
  readonly #dice: Dice
  readonly #profile: LinkProfile
  readonly #directions: readonly [PipeDirection, PipeDirection]
  #isOpen = true

  constructor(
    world: PipeWorld,
    dice: Dice,
    { transport, profile }: { readonly transport: string; readonly profile: LinkProfile },
    left: PipeEnd,
    right: PipeEnd,
  ) {
    this.#world = world
    this.#dice = dice
    this.#profile = profile
    this.transport = transport
    const direction = (from: PipeEnd, to: PipeEnd): PipeDirection => {
      const fork = dice.fork(from.peer)
      return new PipeDirection(world, fork, profile, { from, to }, () => this.#breakUnder(from, to))
    }
    this.#directions = [direction(left, right), direction(right, left)]
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Nothing arrives any more, one way at least, whether its ends know or not. */
  get isDead(): boolean {
    return !this.#isOpen || this.#directions.some(({ isSilent }) => isSilent)
  }

  /** Messages may get lost or overtake each other. */
  get isLoose(): boolean {
    const { reliable, ordered } = this.#profile.traits
    return !reliable || !ordered
  }

  /** Messages may get lost. */
  get isLossy(): boolean {
    return !this.#profile.traits.reliable
  }

  /** Bytes sent so far, both ways. */
  get sentBytes(): number {
    return this.#directions[0].sentBytes + this.#directions[1].sentBytes
  }

  /** Whether its ends are these two, in either order. */
  joins(left: string, right: string): boolean {
    return this.#directions.some(({ from, to }) => from.peer === left && to.peer === right)
  }

  ends(peer: string): boolean {
    return this.#directions.some(({ from }) => from.peer === peer)
  }

  send(from: string, channel: ChannelId, bytes: Uint8Array): void {
    if (this.#isOpen) this.#from(from, channel)?.send(bytes)
  }

  /** One end closes in good order: the other learns of it after what is under way. */
  close(closer: string, channel: ChannelId): void {
    const direction = this.#from(closer, channel)
    if (direction === undefined) return
    const { from, to } = direction
    from.deliver({ type: 'channel-closed', channel, reason: 'local' })
    if (!this.#isOpen) return
    direction.close(() => {
      this.#end()
      to.deliver({ type: 'channel-closed', channel: to.channel, reason: 'remote' })
    })
  }

  /** The pipe breaks and both ends notice. */
  break(): void {
    if (!this.#isOpen) return
    this.#end()
    for (const { from } of this.#directions) {
      from.deliver({ type: 'channel-closed', channel: from.channel, reason: 'lost' })
    }
  }

  /** The pipe is gone and nobody notices. */
  vanish(): void {
    this.#end()
  }

  /** Nothing that this end sends arrives any more, and nobody notices. */
  silence(sender: string): void {
    this.#each(sender, (direction) => direction.silence())
  }

  /** The pipe breaks within that message from now, which the receiver notices, later the sender. */
  breakWithin(sender: string, messages: number): void {
    this.#each(sender, (direction) => direction.breakWithin(messages))
  }

  /** For a while, what the sender sends from now on leaves that many times more slowly. */
  slow(sender: string, slowness: number, durationMs: number): void {
    this.#each(sender, (direction) => direction.slow(slowness, durationMs))
  }

  /** For a while nothing of the sender arrives, then all at once. */
  stall(sender: string, durationMs: number): void {
    this.#each(sender, (direction) => direction.stall(durationMs))
  }

  /** For a while, what the sender sends takes longer to arrive. */
  delay(sender: string, delayMs: number, durationMs: number): void {
    this.#each(sender, (direction) => direction.delay(delayMs, durationMs))
  }

  /** For a while, longer messages of the sender are lost; only for pipes that may lose. */
  shrink(sender: string, passedBytesMax: number, durationMs: number): void {
    this.#each(sender, (direction) => direction.shrink(passedBytesMax, durationMs))
  }

  /** For a while the sender hears late of what has left. */
  delayDrains(sender: string, delayMs: number, durationMs: number): void {
    this.#each(sender, (direction) => direction.delayDrains(delayMs, durationMs))
  }

  /** More is lost, doubled and overtaken for a while; of no effect on a pipe that is not loose. */
  storm(weather: Weather, durationMs: number): void {
    if (!this.isLoose) return
    for (const direction of this.#directions) direction.storm(weather, durationMs)
  }

  /** It is again as its profile says. */
  calm(): void {
    for (const direction of this.#directions) direction.calm()
  }

  /** A peer that slept takes messages again. */
  resume(receiver: string): void {
    for (const direction of this.#directions) {
      if (direction.to.peer === receiver) direction.resume()
    }
  }

  #each(sender: string, act: (direction: PipeDirection) => void): void {
    for (const direction of this.#directions) if (direction.from.peer === sender) act(direction)
  }

  #from(peer: string, channel: ChannelId): PipeDirection | undefined {
    return this.#directions.find(({ from }) => from.peer === peer && from.channel === channel)
  }

  #end(): void {
    this.#isOpen = false
    for (const direction of this.#directions) direction.end()
  }

  #breakUnder(from: PipeEnd, to: PipeEnd): void {
    if (!this.#isOpen) return
    this.#end()
    to.deliver({ type: 'channel-closed', channel: to.channel, reason: 'lost' })
    this.#world.after(noticeMsMax * this.#dice.fraction(), () => {
      from.deliver({ type: 'channel-closed', channel: from.channel, reason: 'lost' })
    })
  }
}
