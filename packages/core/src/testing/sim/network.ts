/**
 * The pipes of a simulated world: reliable, ordered, as slow as their profile says, and broken at
 * will. A pipe also holds its senders to their credit.
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
  /** The same at a time. Actions of one time come in the order of the calls. */
  at(atMs: number, action: () => void): void
  /** A number from 0 to 1 from the world's seed. */
  fraction(): number
  isPartitioned(left: string, right: string): boolean
  /** Something happened that never may: told at the end of the run. */
  violated(sentence: string): void
}

interface Direction {
  readonly from: PipeEnd
  readonly to: PipeEnd
  /** When the sender's side is done with what it has accepted. */
  busyUntilMs: number
  /** No message arrives before the one sent before it. */
  arrivesAtMs: number
  sentBytes: number
  drainedBytes: number
  messageCount: number
  /** Times as long as usual that messages take, until then. */
  slowness: number
  slowUntilMs: number
  /** Messages until the pipe breaks. */
  messagesLeft: number
}

/** What may be sent beyond what has drained: the law of `channel-send`. */
const creditBytes = 256 * 1024
/** The sender of a message that broke a pipe notices so much later than the receiver, at most. */
const noticeMsMax = 3_000

/** An open pipe between two peers. */
export class Pipe {
  readonly #world: PipeWorld
  readonly #profile: LinkProfile
  readonly #directions: readonly [Direction, Direction]
  #isOpen = true

  constructor(world: PipeWorld, profile: LinkProfile, left: PipeEnd, right: PipeEnd) {
    this.#world = world
    this.#profile = profile
    const fresh = {
      busyUntilMs: 0,
      arrivesAtMs: 0,
      sentBytes: 0,
      drainedBytes: 0,
      messageCount: 0,
      slowness: 1,
      slowUntilMs: 0,
      messagesLeft: Number.POSITIVE_INFINITY,
    }
    this.#directions = [
      { from: left, to: right, ...fresh },
      { from: right, to: left, ...fresh },
    ]
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Messages sent so far, both ways. */
  get messageCount(): number {
    return this.#directions[0].messageCount + this.#directions[1].messageCount
  }

  /** Whether its ends are these two, in either order. */
  joins(left: string, right: string): boolean {
    return this.#directions.some(({ from, to }) => from.peer === left && to.peer === right)
  }

  send(from: string, channel: ChannelId, bytes: Uint8Array): void {
    const direction = this.#from(from, channel)
    if (direction === undefined || !this.#isOpen) return
    this.#checkCredit(direction, bytes)
    const { latencyMs, jitterMs } = this.#profile
    const world = this.#world
    direction.busyUntilMs = this.#leavesAtMs(direction, bytes.length)
    const arrivesAtMs = direction.busyUntilMs + latencyMs + jitterMs * world.fraction()
    direction.arrivesAtMs = Math.max(direction.arrivesAtMs, arrivesAtMs)
    direction.sentBytes += bytes.length
    direction.messageCount += 1
    direction.messagesLeft -= 1
    const drainedBytes = direction.sentBytes
    const breaks = direction.messagesLeft <= 0

    world.at(direction.busyUntilMs, () => {
      if (!this.#isOpen) return
      direction.drainedBytes = drainedBytes
      direction.from.deliver({ type: 'channel-drained', channel, drainedBytes })
    })
    world.at(direction.arrivesAtMs, () => {
      const { from: sender, to: receiver } = direction
      if (!this.#isOpen || world.isPartitioned(sender.peer, receiver.peer)) return
      if (breaks) this.#breakUnder(direction)
      else receiver.deliver({ type: 'channel-received', channel: receiver.channel, bytes })
    })
  }

  /** One end closes in good order: the other learns of it after what is under way. */
  close(closer: string, channel: ChannelId): void {
    const direction = this.#from(closer, channel)
    if (direction === undefined) return
    const { from, to, arrivesAtMs } = direction
    from.deliver({ type: 'channel-closed', channel, reason: 'local' })
    if (!this.#isOpen) return
    this.#world.at(Math.max(arrivesAtMs, this.#world.nowMs + this.#profile.latencyMs), () => {
      this.#isOpen = false
      if (this.#world.isPartitioned(from.peer, to.peer)) return
      to.deliver({ type: 'channel-closed', channel: to.channel, reason: 'remote' })
    })
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

  /** The pipe breaks within that message from now, which the receiver notices, later the sender. */
  breakWithin(sender: string, messages: number): void {
    for (const direction of this.#directions) {
      if (direction.from.peer === sender) direction.messagesLeft = messages
    }
  }

  /** For a while, what the sender sends from now on leaves that many times more slowly. */
  clog(sender: string, slowness: number, durationMs: number): void {
    for (const direction of this.#directions) {
      if (direction.from.peer !== sender) continue
      direction.slowness = slowness
      direction.slowUntilMs = this.#world.nowMs + durationMs
    }
  }

  #from(peer: string, channel: ChannelId): Direction | undefined {
    return this.#directions.find(({ from }) => from.peer === peer && from.channel === channel)
  }

  /** When a message that is sent now has left: slowly while the pipe is clogged, then as ever. */
  #leavesAtMs({ busyUntilMs, slowness, slowUntilMs }: Direction, bytes: number): number {
    const { bytesPerMs } = this.#profile
    const startMs = Math.max(this.#world.nowMs, busyUntilMs)
    const slowMs = Math.max(0, slowUntilMs - startMs)
    const slowBytes = (slowMs * bytesPerMs) / slowness
    if (bytes <= slowBytes) return startMs + (bytes * slowness) / bytesPerMs
    return startMs + slowMs + (bytes - slowBytes) / bytesPerMs
  }

  #breakUnder({ from, to }: Direction): void {
    this.#isOpen = false
    to.deliver({ type: 'channel-closed', channel: to.channel, reason: 'lost' })
    this.#world.after(noticeMsMax * this.#world.fraction(), () => {
      from.deliver({ type: 'channel-closed', channel: from.channel, reason: 'lost' })
    })
  }

  #checkCredit({ from, to, sentBytes, drainedBytes }: Direction, bytes: Uint8Array): void {
    const { messageBytesMax } = this.#profile.traits
    const underWay = sentBytes - drainedBytes
    if (bytes.length > messageBytesMax) {
      this.#world.violated(`${from.peer} sent ${to.peer} a message of ${bytes.length} bytes`)
    }
    if (underWay > 0 && underWay + bytes.length > creditBytes) {
      const total = underWay + bytes.length
      this.#world.violated(`${from.peer} has ${total} bytes under way to ${to.peer}`)
    }
  }
}
