/**
 * One direction of a pipe: a queue, a narrow place, a way, and what goes wrong on them.
 *
 * A reliable direction never loses a message and goes on: it pauses, holds its sender back, or has
 * fallen silent for good. An ordered one never lets a message overtake another.
 */

import type { ChannelId, Input } from '../../../engine/input.ts'
import type { Dice } from '../world/dice.ts'
import type { AccidentKind } from './accidents.ts'
import type { LinkProfile } from './profiles.ts'

/** One end of a pipe: whoever sits there, and what it calls the channel. */
export interface PipeEnd {
  readonly peer: string
  readonly channel: ChannelId
  /** Hands over an input, unless that boot of the peer is over. */
  readonly deliver: (input: Input) => void
  /** A machine that sleeps takes nothing from its network. */
  readonly isAwake: () => boolean
}

/** What a pipe needs of its world. */
export interface PipeWorld {
  readonly nowMs: number
  after(delayMs: number, action: () => void): void
  /** The same at a time. Actions of one time come in the order of the calls. */
  at(atMs: number, action: () => void): void
  /** Nothing passes from the one to the other. */
  isSevered(from: string, to: string): boolean
  /** Something happened that never may: told at the end of the run. */
  violated(invariant: 'channel-credit', sentence: string): void
  /** A message arrived. */
  moved(bytes: number): void
  /** Something befell a message. */
  befell(accident: AccidentKind): void
}

/** What is worse than the profile says, for a while. */
export interface Weather {
  readonly lossRate: number
  readonly duplicateRate: number
  readonly reorderRate: number
}

interface Flying {
  /** Undefined for a farewell, or when only the place that a message took arrives. */
  readonly bytes: Uint8Array | undefined
  /** What the sender sent. */
  readonly sentBytes: number
  readonly arrivesAtMs: number
  /** Called instead of handing over the bytes. */
  readonly arrived?: () => void
}

/** What may be sent beyond what has drained: the law of `channel-send`. */
const creditBytes = 256 * 1024
/** What a receiver that does not take anything holds for a reliable sender, at least. */
const windowBytesMin = 64 * 1024
/** After a loss a reliable pipe waits for that long, or two round trips, before it sends again. */
const repeatMsMin = 200
const calm: Weather = { lossRate: 0, duplicateRate: 0, reorderRate: 0 }

/** See the file header. */
export class PipeDirection {
  readonly from: PipeEnd
  readonly to: PipeEnd
  readonly #world: PipeWorld
  readonly #dice: Dice
  readonly #profile: LinkProfile
  readonly #windowBytes: number
  readonly #broken: () => void
  #isOver = false
  /** When the sender's side is done with what it has accepted. */
  #busyUntilMs = 0
  /** No message of an ordered pipe arrives before the one sent before it. */
  #lastArrivesAtMs = 0
  #flying: Flying[] = []
  #sentBytes = 0
  #leftBytes = 0
  #arrivedBytes = 0
  #drainedBytes = 0
  /** Times as long as usual that messages take, until then. */
  #slowness = 1
  #slowUntilMs = 0
  #stalledUntilMs = 0
  #delayMs = 0
  #delayedUntilMs = 0
  #shrunkBytesMax = 0
  #shrunkUntilMs = 0
  #drainDelayMs = 0
  #lazyUntilMs = 0
  #weather = calm
  #weatherUntilMs = 0
  /** Messages until the pipe breaks. */
  #messagesLeft = Number.POSITIVE_INFINITY
  #isSilent = false

  /** `broken` is called when the message arrives under which the pipe breaks. */
  constructor(
    world: PipeWorld,
    dice: Dice,
    profile: LinkProfile,
    ends: { readonly from: PipeEnd; readonly to: PipeEnd },
    broken: () => void,
  ) {
    this.#world = world
    this.#dice = dice
    this.#profile = profile
    this.from = ends.from
    this.to = ends.to
    this.#broken = broken
    const { bytesPerMs, latencyMs, jitterMs } = profile
    this.#windowBytes = Math.max(windowBytesMin, 2 * bytesPerMs * (latencyMs + jitterMs))
  }

  /** Bytes sent so far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Nothing arrives any more, and nobody is told. */
  get isSilent(): boolean {
    return this.#isSilent
  }

  send(bytes: Uint8Array): void {
    this.#checkCredit(bytes)
    const { traits, queueBytesMax, bytesPerMs } = this.#profile
    const world = this.#world
    this.#sentBytes += bytes.length
    this.#messagesLeft -= 1
    const sentBytes = this.#sentBytes
    const backlogBytes = Math.max(0, this.#busyUntilMs - world.nowMs) * bytesPerMs
    const isDropped = !traits.reliable && backlogBytes > queueBytesMax
    if (!isDropped) this.#busyUntilMs = this.#leavesAtMs(bytes.length)
    // Nobody holds back the sender of a pipe that may drop.
    world.at(traits.reliable ? this.#busyUntilMs : world.nowMs, () => {
      this.#leftBytes = Math.max(this.#leftBytes, sentBytes)
      this.#drain()
    })
    if (isDropped) world.befell('overflown')
    else this.#launch(bytes)
  }

  /** Says farewell: `arrived` is called after what is under way, if anything arrives. */
  close(arrived: () => void): void {
    const atMs = Math.max(this.#lastArrivesAtMs, this.#world.nowMs + this.#profile.latencyMs)
    this.#flying.push({ bytes: undefined, sentBytes: 0, arrivesAtMs: atMs, arrived })
    this.#world.at(atMs, () => this.#land())
  }

  /** Nothing arrives or drains any more. */
  end(): void {
    this.#isOver = true
    this.#flying = []
  }

  /** The receiver takes messages again. */
  resume(): void {
    this.#land()
  }

  /** The pipe breaks within that message from now, which the receiver notices. */
  breakWithin(messages: number): void {
    this.#messagesLeft = messages
  }

  /** What is sent from now on leaves that many times more slowly, for a while. */
  slow(slowness: number, durationMs: number): void {
    this.#slowness = slowness
    this.#slowUntilMs = this.#world.nowMs + durationMs
  }

  /** Nothing arrives for a while, then all at once. */
  stall(durationMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#world.nowMs + durationMs)
    this.#world.at(this.#stalledUntilMs, () => this.#land())
  }

  /** What is sent from now on takes that much longer to arrive, for a while. */
  delay(delayMs: number, durationMs: number): void {
    this.#delayMs = delayMs
    this.#delayedUntilMs = this.#world.nowMs + durationMs
  }

  /** Only for pipes that do not promise arrival: messages longer than that are lost, for a while. */
  shrink(bytesMax: number, durationMs: number): void {
    this.#shrunkBytesMax = bytesMax
    this.#shrunkUntilMs = this.#world.nowMs + durationMs
  }

  /** The sender is told late of what has left, for a while. */
  delayDrains(delayMs: number, durationMs: number): void {
    this.#drainDelayMs = delayMs
    this.#lazyUntilMs = this.#world.nowMs + durationMs
  }

  /** Only for pipes that promise neither order nor arrival: worse for a while. */
  storm(weather: Weather, durationMs: number): void {
    this.#weather = weather
    this.#weatherUntilMs = this.#world.nowMs + durationMs
  }

  /** Whatever was worse than the profile says is over; silence is not. */
  calm(): void {
    this.#slowUntilMs = 0
    this.#stalledUntilMs = 0
    this.#delayedUntilMs = 0
    this.#shrunkUntilMs = 0
    this.#lazyUntilMs = 0
    this.#weatherUntilMs = 0
    this.#messagesLeft = Number.POSITIVE_INFINITY
    this.#land()
  }

  /** From now on nothing arrives, and nobody notices. */
  silence(): void {
    this.#isSilent = true
  }

  /** When a message that is sent now has left: slowly while the pipe is slow, then as ever. */
  #leavesAtMs(bytes: number): number {
    const { bytesPerMs } = this.#profile
    const startMs = Math.max(this.#world.nowMs, this.#busyUntilMs)
    const slowMs = Math.max(0, this.#slowUntilMs - startMs)
    const slowBytes = (slowMs * bytesPerMs) / this.#slowness
    if (bytes <= slowBytes) return startMs + (bytes * this.#slowness) / bytesPerMs
    return startMs + slowMs + (bytes - slowBytes) / bytesPerMs
  }

  #launch(bytes: Uint8Array): void {
    const { traits } = this.#profile
    const { lossRate, duplicateRate, reorderRate } = this.#rates()
    const isLost = this.#dice.chance(lossRate)
    if (isLost) this.#world.befell(traits.reliable ? 'paused' : 'lost')
    const arrived = this.#messagesLeft <= 0 ? { arrived: this.#broken } : {}
    const message = { bytes: this.#passed(bytes), sentBytes: bytes.length, ...arrived }
    if (traits.reliable) return this.#fly(message, isLost ? this.#repeatMs() : 0)
    const isLate = !traits.ordered && this.#dice.chance(reorderRate)
    const isTwice = !traits.ordered && this.#dice.chance(duplicateRate)
    if (isLate) this.#world.befell('reordered')
    if (isTwice) this.#world.befell('doubled')
    const lateMs = isLate ? this.#dice.fraction() * this.#repeatMs() : 0
    if (!isLost) this.#fly(message, lateMs)
    // The receiver owns what it is handed, so the second one has bytes of its own.
    const copy = message.bytes?.slice()
    if (isTwice) this.#fly({ bytes: copy, sentBytes: 0 }, lateMs + this.#repeatMs())
  }

  #fly(message: Omit<Flying, 'arrivesAtMs'>, moreMs: number): void {
    const { latencyMs, jitterMs, traits } = this.#profile
    const delayMs = this.#world.nowMs < this.#delayedUntilMs ? this.#delayMs : 0
    const wayMs = latencyMs + delayMs + jitterMs * this.#dice.fraction()
    let arrivesAtMs = this.#busyUntilMs + wayMs + moreMs
    if (traits.ordered) arrivesAtMs = Math.max(arrivesAtMs, this.#lastArrivesAtMs)
    this.#lastArrivesAtMs = Math.max(arrivesAtMs, this.#lastArrivesAtMs)
    this.#flying.push({ ...message, arrivesAtMs })
    this.#world.at(arrivesAtMs, () => this.#land())
  }

  /** Hands over what has arrived, unless nothing passes now. */
  #land(): void {
    const { nowMs } = this.#world
    while (!this.#isOver && nowMs >= this.#stalledUntilMs && this.to.isAwake()) {
      const index = this.#flying.findIndex(({ arrivesAtMs }) => arrivesAtMs <= nowMs)
      const [message] = index < 0 ? [] : this.#flying.splice(index, 1)
      if (message === undefined) return
      this.#receive(message)
    }
  }

  #receive({ bytes, sentBytes, arrived }: Flying): void {
    this.#arrivedBytes += sentBytes
    if (this.#isSilent || this.#world.isSevered(this.from.peer, this.to.peer)) {
      // A reliable pipe that lost a message never goes on after it.
      if (this.#profile.traits.reliable) this.#isSilent = true
      return
    }
    if (arrived !== undefined) return arrived()
    this.#drain()
    if (bytes === undefined) return
    this.#world.moved(bytes.length)
    this.to.deliver({ type: 'channel-received', channel: this.to.channel, bytes })
  }

  #drain(): void {
    if (this.#isOver) return
    const { reliable } = this.#profile.traits
    const roomBytes = this.#arrivedBytes + this.#windowBytes
    const drainedBytes = reliable ? Math.min(this.#leftBytes, roomBytes) : this.#leftBytes
    if (drainedBytes <= this.#drainedBytes) return
    const isLazy = this.#world.nowMs < this.#lazyUntilMs
    if (isLazy) this.#world.after(this.#drainDelayMs, () => this.#tellDrained(drainedBytes))
    else this.#tellDrained(drainedBytes)
  }

  #tellDrained(drainedBytes: number): void {
    if (this.#isOver || drainedBytes <= this.#drainedBytes) return
    this.#drainedBytes = drainedBytes
    const { channel } = this.from
    this.from.deliver({ type: 'channel-drained', channel, drainedBytes })
  }

  #rates(): Weather {
    return this.#world.nowMs < this.#weatherUntilMs ? this.#weather : this.#profile
  }

  /** What is left of a message that is longer than what passes. */
  #passed(bytes: Uint8Array): Uint8Array | undefined {
    const { passedBytesMax, cutsLonger } = this.#profile
    const isShrunk = this.#world.nowMs < this.#shrunkUntilMs
    if (isShrunk && bytes.length > this.#shrunkBytesMax) {
      this.#world.befell('swallowed')
      return undefined
    }
    if (bytes.length <= passedBytesMax) return bytes
    this.#world.befell(cutsLonger ? 'cut' : 'swallowed')
    return cutsLonger ? bytes.slice(0, passedBytesMax) : undefined
  }

  #repeatMs(): number {
    const { latencyMs, jitterMs } = this.#profile
    return Math.max(repeatMsMin, 4 * (latencyMs + jitterMs)) * (0.5 + this.#dice.fraction())
  }

  #checkCredit(bytes: Uint8Array): void {
    const { messageBytesMax } = this.#profile.traits
    const underWay = this.#sentBytes - this.#drainedBytes
    const ends = `${this.from.peer} to ${this.to.peer}`
    if (bytes.length === 0 || bytes.length > messageBytesMax) {
      const size = `${bytes.length} bytes, at most ${messageBytesMax}`
      this.#world.violated('channel-credit', `a message from ${ends} has ${size}`)
    }
    if (underWay > 0 && underWay + bytes.length > creditBytes) {
      const size = `${underWay + bytes.length} bytes`
      this.#world.violated('channel-credit', `${size} are under way from ${ends}`)
    }
  }
}
