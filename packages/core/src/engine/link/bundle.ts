/**
 * The channels of one link, of which one carries its mesh frames: which one, and how both ends go
 * over to another without losing, doubling or reordering a frame (rules LK8, LK9 and LK30 to LK36 of
 * docs/specs/link.md).
 *
 *     founded ──► carried ──► switching (the frames wait) ──► carried …
 *
 * The end with the smaller peer id decides. It says `switch` on the channel of its choice, with what
 * it has received; the other end takes that channel, goes on from there at once, and says `answer`
 * with what it has received; then the deciding end goes on. The other end may `ask`.
 *
 * Invariants: frames leave on one channel at a time, `carrier`, or on none; the numbers of switches
 * grow; an end that follows never decides; what the other end says of its former links changes nothing.
 */

import { unreachable } from '../assert.ts'
import type { BundleFrame, FrameCounts, SwitchReason } from './bundle-frame.ts'
import { ChannelChoice } from './channel-choice.ts'
import type { JudgedChannel } from './channel-choice.ts'
import type { PriorityIndex } from './frame.ts'
import { InboundFrames } from './inbound-frames.ts'
import { OutboundFrames } from './outbound-frames.ts'

/** Between two `ask`s of an end whose channel does not answer, in milliseconds. */
export const askAgainMs = 1_000

/**
 * A switch that is not answered within that time is followed by another one, or by probes. It
 * doubles with each in a row, in milliseconds: where all channels are slow, one has to be waited for.
 */
export const answerMs = 2_000
export const answerMsMax = 16_000

/** What a bundle has to do with a channel. */
export interface BundleChannel extends JudgedChannel {
  /** Sends a frame of kind `bundle-switch`; one that waits and is out of date by it makes way. */
  sayBundle(frame: BundleFrame): void
}

/** What happened that others must know. */
export type BundleEvent<Channel> =
  /** The active channel is another one. */
  | {
      readonly type: 'switched'
      readonly reason: SwitchReason | 'unknown'
      /** Packets that waited or were under way and are given up. */
      readonly givenUp: number
    }
  /** Frames of either direction were lost. */
  | { readonly type: 'lost' }
  /** The link was over for the other end, which has begun a new one. */
  | { readonly type: 'anew' }
  /** The channel is of a link that is over for the other end. */
  | { readonly type: 'stale'; readonly channel: Channel }

export interface BundleOptions {
  /** This end has the smaller peer id. */
  readonly decides: boolean
  /** A number greater than all that it gave before. */
  readonly nextSerial: () => number
  /** Of each priority a number greater than all that the other end may know of. */
  readonly firsts: FrameCounts
}

/** See the file header. */
export class Bundle<Channel extends BundleChannel> {
  readonly outbound: OutboundFrames
  readonly inbound = new InboundFrames<Channel>()
  readonly #decides: boolean
  readonly #nextSerial: () => number
  /** Whether the other end has said that the channel is a part of its present link. */
  readonly #hasJoinedByChannel = new Map<Channel, boolean>()
  readonly #choice = new ChannelChoice<Channel>()
  readonly #events: BundleEvent<Channel>[] = []
  #serial = 0
  #remoteSerial = 0
  #firsts: FrameCounts = []
  /** Counts switches, over all links. */
  #number = 0
  #active: Channel | undefined
  #carrier: Channel | undefined
  /** The other end has been heard since the link began. */
  #hasMet = false
  /** The ends began with different channels, and no switch has settled it yet. */
  #mustAgree = false
  /** This end has switched since either link began: both use the channel of that. */
  #hasSwitched = false
  /** The last switch that was answered in this link. */
  #answered = 0
  #asked: Channel | undefined
  /** When the answer to the last switch is missed, and how long it may take next time. */
  #answerDueMs = Number.POSITIVE_INFINITY
  #answerMs = answerMs
  #askAtMs = Number.NEGATIVE_INFINITY
  #deadlineMs = Number.POSITIVE_INFINITY
  #hadSpare = false

  constructor({ decides, nextSerial, firsts }: BundleOptions) {
    this.#decides = decides
    this.#nextSerial = nextSerial
    this.outbound = new OutboundFrames(firsts)
  }

  /** This end chooses the active channel. */
  get decides(): boolean {
    return this.#decides
  }

  /** The channel of the last switch, or the one that the link began with. It may be gone. */
  get active(): Channel | undefined {
    return this.#active
  }

  /** The channel that frames are to be sent on now, if there is one. */
  get carrier(): Channel | undefined {
    return this.#carrier
  }

  /** When `reconsider` is due though nothing happens. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** All that decides what it will do, as data: times are told from now on. For tests and reports. */
  inspect(nameOf: (channel: Channel) => string, nowMs: number): unknown {
    const name = (channel: Channel | undefined): string | undefined => channel && nameOf(channel)
    return {
      serials: [this.#serial, this.#remoteSerial, this.#number],
      firsts: this.#firsts,
      channels: [this.#active, this.#carrier, this.#asked].map(name),
      flags: [this.#hasMet, this.#mustAgree, this.#hasSwitched, this.#hadSpare],
      members: Array.from(this.#hasJoinedByChannel, ([channel, joined]) => [
        nameOf(channel),
        joined,
      ]),
      choice: this.#choice.inspect(nameOf, nowMs),
      askInMs: Math.max(0, this.#askAtMs - nowMs),
      answerInMs: [this.#answerDueMs - nowMs, this.#answerMs],
      deadlineInMs: this.#deadlineMs - nowMs,
      outbound: this.outbound.inspect(),
      inbound: this.inbound.inspect(nameOf),
    }
  }

  /** The next thing that happened. */
  takeEvent(): BundleEvent<Channel> | undefined {
    return this.#events.shift()
  }

  /** Both ends take the channel for a part of this link. */
  hasJoined(channel: Channel): boolean {
    return this.#hasJoinedByChannel.get(channel) ?? false
  }

  /** A proven channel to the neighbour. With the first one the link begins, and uses it at once. */
  add(channel: Channel): void {
    const isFounder = this.#hasJoinedByChannel.size === 0
    this.#hasJoinedByChannel.set(channel, false)
    if (isFounder) {
      this.#serial = this.#nextSerial()
      this.#firsts = this.outbound.begin()
      this.#active = channel
      this.#carrier = channel
      this.#hasMet = false
      this.#mustAgree = false
      this.#hasSwitched = false
      this.#answered = 0
    }
    channel.sayBundle({
      type: 'join',
      serial: this.#serial,
      number: this.#number,
      isFounder,
      firsts: this.#firsts,
      // Not taken for stated: it may get lost with a channel that nobody misses.
      received: this.inbound.received,
    })
  }

  /**
   * The channel is over; `reconsider` afterwards. What it did not deliver goes out on another. With
   * the last one the link is over: numbers alone are kept.
   */
  remove(channel: Channel): void {
    this.#hasJoinedByChannel.delete(channel)
    this.#choice.forget(channel)
    this.inbound.forget(channel)
    if (this.#carrier === channel) this.#carrier = undefined
    if (this.#active === channel) this.#isNotAwaiting()
    if (this.#asked === channel) this.#asked = undefined
    this.#updateKeeping()
    if (this.#hasJoinedByChannel.size > 0) return
    this.#active = undefined
    this.outbound.clear()
  }

  /** A frame of kind `bundle-switch` came; `reconsider` afterwards. False when it breaks a rule. */
  received(channel: Channel, priority: PriorityIndex, frame: BundleFrame): boolean {
    if (frame.type === 'join') return this.#joinReceived(channel, frame)
    // Of a link that one of the ends has given up.
    if (!this.hasJoined(channel)) return true
    switch (frame.type) {
      case 'switch':
        return this.#decides ? false : this.#follow(channel, frame)
      case 'answer':
        return this.#decides ? this.#answerReceived(channel, frame) : false
      case 'ask':
        if (!this.#decides) return false
        if (this.#knowsLast(frame.number)) this.#asked = channel
        return true
      case 'begin':
        if (!this.inbound.begin(channel, priority, frame.first, frame.givenUp)) {
          this.#events.push({ type: 'lost' })
        }
        return true
      case 'receipt':
        return this.outbound.received(frame.received)
      default:
        return unreachable(frame)
    }
  }

  /** A mesh frame came. False when it came before, or is not to be taken. */
  accepts(channel: Channel, priority: PriorityIndex, payloadBytes: number): boolean {
    return this.hasJoined(channel) && this.inbound.accept(channel, priority, payloadBytes)
  }

  /** What to acknowledge with the next message of the carrier, if it is time: with a hello always. */
  takeReceipt(withHello: boolean): BundleFrame | undefined {
    const isDue = withHello ? this.inbound.hasUnstated : this.isReceiptDue
    return isDue ? { type: 'receipt', received: this.inbound.state() } : undefined
  }

  /** So much came that it is to be acknowledged at once. */
  get isReceiptDue(): boolean {
    return this.#hadSpare && this.inbound.isReceiptDue
  }

  /** Another channel of the same transport is the one to keep. Only where this end decides. */
  replaceActive(channel: Channel, nowMs: number): void {
    this.#switchTo(channel, 'duplicate', nowMs)
  }

  /** Sees to it that the right channel is the active one: after each change, and at the deadline. */
  reconsider(nowMs: number): void {
    if (!this.#decides) {
      this.#considerAsking(nowMs)
      return
    }
    const choice = this.#choose(nowMs)
    this.#asked = undefined
    if (choice) this.#switchTo(...choice, nowMs)
    this.#deadlineMs = Math.min(this.#choice.deadlineMs, this.#answerDueMs)
  }

  #joinReceived(channel: Channel, join: Extract<BundleFrame, { readonly type: 'join' }>): boolean {
    const { serial, number, isFounder, firsts, received } = join
    // Said before the other end's link was over.
    if (serial < this.#remoteSerial) return true
    if (serial > this.#remoteSerial) {
      if (this.#hasMet) this.#events.push({ type: 'anew' })
      this.#remoteSerial = serial
      this.inbound.beginAnew(firsts)
      this.#hasSwitched = false
      this.#answered = 0
      // It may have forgotten all about this end.
      if (!this.#decides) this.#number = Math.min(this.#number, number)
      for (const [other, hasJoined] of this.#hasJoinedByChannel) {
        if (!hasJoined || other === channel) continue
        this.#hasJoinedByChannel.set(other, false)
        this.#events.push({ type: 'stale', channel: other })
      }
    }
    if (!this.outbound.received(received)) return false
    this.#hasMet = true
    this.#hasJoinedByChannel.set(channel, true)
    if (isFounder !== (channel === this.#active) && !this.#hasSwitched) this.#mustAgree = true
    this.#updateKeeping()
    return true
  }

  #follow(
    channel: Channel,
    { number, reason, received }: Extract<BundleFrame, { readonly type: 'switch' }>,
  ): boolean {
    if (number <= this.#number) return true
    const givenUp = this.#giveUpPackets(channel, reason)
    if (!this.#carryOn(channel, received)) return false
    this.#number = number
    this.#active = channel
    channel.sayBundle({ type: 'answer', number, received: this.inbound.state() })
    this.#events.push({ type: 'switched', reason, givenUp })
    return true
  }

  #answerReceived(
    channel: Channel,
    { number, received }: Extract<BundleFrame, { readonly type: 'answer' }>,
  ): boolean {
    const isAwaited = this.#carrier === undefined && channel === this.#active
    if (!isAwaited || number !== this.#number) return true
    this.#answered = number
    this.#isNotAwaiting()
    return this.#carryOn(channel, received)
  }

  #isNotAwaiting(): void {
    this.#answerDueMs = Number.POSITIVE_INFINITY
    this.#answerMs = answerMs
  }

  /** From here on that channel carries. False when the counts cannot be. */
  #carryOn(channel: Channel, received: FrameCounts): boolean {
    const outcome = this.outbound.restart(received)
    if (outcome === 'impossible') return false
    if (outcome === 'lost') this.#events.push({ type: 'lost' })
    this.#carrier = channel
    this.#updateKeeping()
    return true
  }

  #switchTo(channel: Channel, reason: SwitchReason, nowMs: number): void {
    const isForSilence = reason === 'suspect' || reason === 'asked'
    const left = this.#active
    if (isForSilence && left && left !== channel && this.#isMember(left)) {
      this.#choice.rest(left, nowMs)
    }
    const givenUp = this.#giveUpPackets(channel, reason)
    this.#number += 1
    this.#active = channel
    this.#carrier = undefined
    this.#mustAgree = false
    this.#hasSwitched = true
    this.#answerDueMs = nowMs + this.#answerMs
    this.#answerMs = Math.min(2 * this.#answerMs, answerMsMax)
    const received = this.inbound.state()
    channel.sayBundle({ type: 'switch', number: this.#number, reason, received })
    // What does not answer this becomes suspect.
    channel.probe()
    this.#events.push({ type: 'switched', reason, givenUp })
  }

  /**
   * Before a channel over Bluetooth takes the place of one of another kind that does not deliver any
   * more: packets made for that would take seconds each. How many are given up.
   */
  #giveUpPackets(channel: Channel, reason: SwitchReason | 'unknown'): number {
    const isNarrower =
      channel.cost.class === 'bluetooth' && this.#active?.cost.class !== 'bluetooth'
    return isNarrower && isForced(reason) ? this.outbound.giveUpPackets() : 0
  }

  #choose(nowMs: number): readonly [Channel, SwitchReason] | undefined {
    const active = this.#active
    if (!active) return undefined
    const joined = this.#joined()
    if (this.#asked && joined.includes(this.#asked)) return [this.#asked, 'asked']
    const others = joined.filter((channel) => channel !== active)
    const choice = this.#choice.choose(active, this.#isMember(active), others, nowMs)
    if (choice && isForced(choice[1])) return choice
    if (nowMs >= this.#answerDueMs) return this.#miss(active, others, nowMs)
    // One thing after the other: the last switch is to be answered first.
    if (!this.#carrier) return undefined
    return choice ?? (this.#mustAgree ? [active, 'founders'] : undefined)
  }

  /**
   * The answer to the last switch is missed: the neighbour is perhaps heard, and hears nothing.
   * Another channel is tried; without one, it is asked until it answers, or its silence tells.
   */
  #miss(
    active: Channel,
    others: readonly Channel[],
    nowMs: number,
  ): readonly [Channel, SwitchReason] | undefined {
    const healthier = others.filter(({ health }) => health !== 'suspect')
    const other = this.#choice.preferred(healthier, nowMs)
    if (other) return [other, 'suspect']
    active.probe()
    this.#answerDueMs = nowMs + askAgainMs
    return undefined
  }

  /** Whether one who asks knows the last switch: else it will follow that first. */
  #knowsLast(number: number): boolean {
    return this.#carrier ? number >= this.#answered : number === this.#number
  }

  #considerAsking(nowMs: number): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    const active = this.#active
    if (!active) return
    const isGone = !this.#isMember(active) || active.health === 'over'
    if (!isGone && active.health !== 'suspect') {
      this.#askAtMs = Number.NEGATIVE_INFINITY
      return
    }
    const others = this.#joined().filter(
      (channel) => channel !== active && (isGone || channel.health !== 'suspect'),
    )
    const best = this.#choice.preferred(others, nowMs)
    if (!best) return
    if (nowMs >= this.#askAtMs) {
      best.sayBundle({ type: 'ask', number: this.#number })
      best.probe()
      this.#askAtMs = nowMs + askAgainMs
    }
    this.#deadlineMs = this.#askAtMs
  }

  /** Channels that can carry. */
  #joined(): readonly Channel[] {
    const joined: Channel[] = []
    for (const [channel, hasJoined] of this.#hasJoinedByChannel) {
      if (hasJoined && channel.health !== 'over') joined.push(channel)
    }
    return joined
  }

  #isMember(channel: Channel): boolean {
    return this.#hasJoinedByChannel.has(channel)
  }

  #updateKeeping(): void {
    const hasSpare = this.#joined().length > 1
    this.#hadSpare ||= hasSpare
    // Without a carrier nothing is sent; what was sent may have to be sent again.
    if (this.#carrier) this.outbound.mustKeep = hasSpare
  }
}

/** The active channel did not deliver any more, as one of the ends sees it. */
function isForced(reason: SwitchReason | 'unknown'): boolean {
  return reason === 'lost' || reason === 'suspect' || reason === 'asked'
}
