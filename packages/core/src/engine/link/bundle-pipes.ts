/**
 * What bundle-two-ends.ts is made of: channels that deliver frames in order, and peers with a real
 * `Bundle` that does what `LinkTable` does about whole links in a few steps.
 */

import type { ChannelCost } from '../../transport/channel.ts'
import { Bundle } from './bundle.ts'
import type { BundleChannel } from './bundle.ts'
import { decodeBundleFrame, encodeBundleFrame, noFrames } from './bundle-frame.ts'
import type { BundleFrame, FrameCounts } from './bundle-frame.ts'
import { wholePayload } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'

/** The priorities that mesh frames are sent with here: of the control frames, and below. */
export const sentPriorities = [0, 2] as const

interface Flying {
  readonly order: number
  readonly priority: PriorityIndex
  readonly frame: OutgoingFrame
}

/** One end of a channel, as its bundle sees it. */
export class ChannelEnd implements BundleChannel {
  readonly name: string
  readonly cost: ChannelCost
  health: BundleChannel['health'] = 'up'
  rttMs: number | undefined
  answeredAtMs = Number.NEGATIVE_INFINITY
  /** Open, as far as this end knows. */
  isOpen = false
  /** Nothing can be sent for now: the first thing said waits, and the latest of the others. */
  isStalled = false
  readonly #waiting: BundleFrame[] = []
  /** Sent and not yet received by the other end. */
  readonly flying: Flying[] = []
  readonly #pipe: Pipe

  constructor(pipe: Pipe, side: string) {
    this.#pipe = pipe
    this.name = `${pipe.name}${side}`
    this.cost = { class: pipe.costClass, metered: false }
  }

  get waiting(): string {
    return JSON.stringify(this.#waiting)
  }

  sayBundle(frame: BundleFrame): void {
    if (frame.type !== 'join' && this.#waiting.at(-1)?.type !== 'join') this.#waiting.pop()
    this.#waiting.push(frame)
    this.flow()
  }

  /** Sends what waits, unless it has to wait longer. */
  flow(): void {
    if (this.isStalled) return
    for (const frame of this.#waiting.splice(0)) {
      this.send(0, { kind: 'bundle-switch', payload: encodeBundleFrame(frame) })
    }
  }

  probe(): void {}

  send(priority: PriorityIndex, frame: OutgoingFrame): void {
    if (this.#pipe.isDead) return
    this.flying.push({ order: this.#pipe.nextOrder(), priority, frame })
  }
}

/** A channel. */
export class Pipe {
  readonly name: string
  readonly costClass: ChannelCost['class']
  readonly ends: readonly [ChannelEnd, ChannelEnd]
  /** Nothing arrives any more. */
  isDead = false
  /** And the ends learn of it. */
  isCut = false
  #order = 0

  constructor(name: string, costClass: ChannelCost['class']) {
    this.name = name
    this.costClass = costClass
    this.ends = [new ChannelEnd(this, '<'), new ChannelEnd(this, '>')]
  }

  nextOrder(): number {
    this.#order += 1
    return this.#order
  }

  die(isCut: boolean): void {
    this.isDead = true
    this.isCut = isCut
    for (const end of this.ends) end.flying.length = 0
  }
}

/** One peer: its link, if it has one, and what it has sent and received. */
export class Peer {
  bundle: Bundle<ChannelEnd>
  readonly open = new Set<ChannelEnd>()
  /** Times that frames may have been lost: the link was down or torn. */
  breaks = 0
  /** Times that they were lost though the link was not down at either end. */
  tears = 0
  sent = 0
  /** Packets that were given up on the way. */
  givenUp = 0
  /** For each priority the numbers of the frames that came. */
  readonly received = new Map<PriorityIndex, number[]>()
  complaint: string | undefined
  readonly #decides: boolean
  readonly #close: (end: ChannelEnd) => void
  #serial = 0

  constructor(decides: boolean, close: (end: ChannelEnd) => void) {
    this.#decides = decides
    this.#close = close
    this.bundle = this.#newBundle(noFrames)
  }

  /**
   * Its link is over, and others have taken the place of what it knew of that neighbour: frames that
   * came may come again.
   */
  forget(): void {
    this.bundle = this.#newBundle(this.bundle.outbound.unusedNumbers)
    this.received.clear()
  }

  /** Says what has come, if there is something new to say. */
  sayReceipt(): void {
    const receipt = this.bundle.takeReceipt(true)
    const frame =
      receipt && ({ kind: 'bundle-switch', payload: encodeBundleFrame(receipt) } as const)
    if (frame) this.bundle.carrier?.send(0, frame)
  }

  /** All that decides its future. */
  inspect(nowMs: number): unknown {
    return [
      this.bundle.inspect(({ name }) => name, nowMs),
      this.breaks > 0,
      this.sent,
      this.givenUp > 0,
      Array.from(this.received, ([priority, numbers]) => [priority, numbers.at(-1)]),
      this.#serial,
    ]
  }

  opened(end: ChannelEnd, nowMs: number): void {
    this.open.add(end)
    end.isOpen = true
    this.bundle.add(end)
    this.settle(nowMs)
  }

  gone(end: ChannelEnd, nowMs: number): void {
    this.open.delete(end)
    end.isOpen = false
    end.health = 'over'
    this.bundle.remove(end)
    if (this.open.size === 0) this.breaks += 1
    this.settle(nowMs)
  }

  frameCame(end: ChannelEnd, priority: PriorityIndex, frame: OutgoingFrame, nowMs: number): void {
    if (!end.isOpen) return
    end.health = 'up'
    const payload = wholePayload(frame.payload)
    if (frame.kind !== 'bundle-switch') {
      const isNew = this.bundle.accepts(end, priority, payload.length)
      if (isNew) this.#take(priority, payload[0]!)
      return
    }
    const message = decodeBundleFrame(payload)
    if (typeof message === 'string') throw new Error(`a ${message} bundle frame`)
    if (!this.bundle.received(end, priority, message)) {
      throw new Error(`${end.name} refused: ${JSON.stringify(message)}`)
    }
    this.settle(nowMs)
  }

  settle(nowMs: number): void {
    const { bundle } = this
    bundle.reconsider(nowMs)
    for (let event = bundle.takeEvent(); event; event = bundle.takeEvent()) {
      if (event.type === 'stale') this.#close(event.channel)
      if (event.type === 'anew') this.breaks += 1
      if (event.type === 'lost') this.tears += 1
      if (event.type === 'switched') this.givenUp += event.givenUp
    }
    const { carrier } = bundle
    for (const priority of carrier ? ([0, 1, 2, 3] as const) : []) {
      for (
        let frame = bundle.outbound.take(priority);
        frame;
        frame = bundle.outbound.take(priority)
      ) {
        carrier!.send(priority, frame)
      }
    }
  }

  #newBundle(firsts: FrameCounts): Bundle<ChannelEnd> {
    const nextSerial = (): number => {
      this.#serial += 1
      return this.#serial
    }
    return new Bundle({ decides: this.#decides, nextSerial, firsts })
  }

  #take(priority: PriorityIndex, number: number): void {
    const numbers = this.received.get(priority) ?? []
    const last = numbers.at(-1) ?? 0
    if (number <= last) this.complaint = `frame ${number} after ${last}`
    this.received.set(priority, [...numbers, number])
  }
}

/** Of which priorities the first frame on its way may arrive next: a control frame may overtake. */
export function deliverable({ flying }: ChannelEnd): readonly PriorityIndex[] {
  const firsts = new Map<PriorityIndex, number>()
  for (const { priority, order } of flying) if (!firsts.has(priority)) firsts.set(priority, order)
  const control = firsts.get(0) ?? Number.POSITIVE_INFINITY
  return [...firsts].filter(([, order]) => order <= control).map(([priority]) => priority)
}

export function flyingText({ priority, frame }: Flying): string {
  return `${priority}${frame.kind[0]}${wholePayload(frame.payload).join(',')}`
}
