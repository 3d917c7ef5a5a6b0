/**
 * The two ends of one link over a few channels, for exploring every order of events
 * (`testing/explore`): the real `Bundle`s of two peers, and between them channels that deliver frames
 * in order, are cut, fall silent, and are wrongly suspected, as far as the budgets go.
 */

import type { Explorable } from '../../testing/explore/explorer.ts'
import type { ChannelCost } from '../../transport/channel.ts'
import { deliverable, flyingText, Peer, Pipe, sentPriorities } from './bundle-pipes.ts'
import type { PriorityIndex } from './frame.ts'
import type { MeshFrameKind } from './link-port.ts'

/** What may happen, and how often. */
export interface TwoEndsOptions {
  /** Cost classes of the channels that open. */
  readonly channels: readonly ChannelCost['class'][]
  /** Channels that are closed, each end learning of it by itself. */
  readonly cuts: number
  /** Channels that carry nothing any more, without a word. */
  readonly silences: number
  /** Times that an end takes a channel that works for silent. */
  readonly suspicions: number
  /** Times that an end has no credit on a channel for a while. */
  readonly stalls: number
  /** Times that each end sends a frame of each of these kinds at each priority. */
  readonly sends: number
  readonly kinds?: readonly MeshFrameKind[]
  /** Times that an end without a link forgets what it knew of the other. */
  readonly forgets?: number
  /** Times that an end says what has come. */
  readonly receipts?: number
  /** Channels that are open and part of the link to begin with, the first ones. */
  readonly opened?: number
}

/** See the file header. */
export class TwoEnds implements Explorable {
  readonly #pipes: readonly Pipe[]
  readonly #peers: readonly [Peer, Peer]
  #nowMs = 0
  #cuts: number
  #silences: number
  #suspicions: number
  #stalls: number
  #forgets: number
  #receipts: number
  readonly #sends: number
  readonly #kinds: readonly MeshFrameKind[]

  constructor(options: TwoEndsOptions) {
    const { channels, cuts, silences, suspicions, stalls, sends, opened = 0 } = options
    this.#pipes = channels.map((costClass, index) => new Pipe(`c${index + 1}`, costClass))
    this.#cuts = cuts
    this.#silences = silences
    this.#suspicions = suspicions
    this.#stalls = stalls
    this.#forgets = options.forgets ?? 0
    this.#receipts = options.receipts ?? 0
    this.#sends = sends
    this.#kinds = options.kinds ?? ['packet']
    const peerOf = (side: number): Peer =>
      new Peer(side === 0, (end) => {
        this.#pipes.find(({ ends }) => ends[side] === end)!.die(true)
        this.#peers[side]!.gone(end, this.#nowMs)
      })
    this.#peers = [peerOf(0), peerOf(1)]
    for (let index = 0; index < opened; index += 1) {
      this.choose(`open ${index} 0`)
      this.choose(`open ${index} 1`)
      while (this.#deliverFirst());
    }
  }

  choices(): readonly string[] {
    const choices: string[] = []
    for (const [side, peer] of this.#peers.entries()) {
      if (peer.open.size > 0 && peer.sent < this.#sends * this.#kinds.length)
        choices.push(`send ${side}`)
      const hasBeenLinked = peer.open.size === 0 && peer.breaks > 0
      if (hasBeenLinked && this.#forgets > 0) choices.push(`forget ${side}`)
      const hasNews = peer.bundle.carrier !== undefined && peer.bundle.inbound.hasUnstated
      if (hasNews && this.#receipts > 0) choices.push(`receipt ${side}`)
    }
    for (const [index, pipe] of this.#pipes.entries()) {
      for (const [side, end] of pipe.ends.entries()) {
        const peer = this.#peers[side]!
        if (!end.isOpen && end.health !== 'over' && !pipe.isDead)
          choices.push(`open ${index} ${side}`)
        if (end.isOpen && pipe.isCut) choices.push(`gone ${index} ${side}`)
        if (end.isOpen) {
          for (const priority of deliverable(pipe.ends[1 - side]!)) {
            choices.push(`deliver ${index} ${side} ${priority}`)
          }
        }
        const isSilent = pipe.isDead && !pipe.isCut
        if (
          end.isOpen &&
          end.health === 'up' &&
          (isSilent || this.#suspicions > 0) &&
          peer.bundle
        ) {
          choices.push(`suspect ${index} ${side}`)
        }
      }
      for (const [side, end] of pipe.ends.entries()) {
        if (end.isStalled) choices.push(`flow ${index} ${side}`)
        else if (end.isOpen && !pipe.isDead && this.#stalls > 0)
          choices.push(`stall ${index} ${side}`)
      }
      if (!pipe.isDead && this.#cuts > 0) choices.push(`cut ${index}`)
      if (!pipe.isDead && this.#silences > 0) choices.push(`silence ${index}`)
    }
    if (this.#nextDeadlineMs() < Number.POSITIVE_INFINITY) choices.push('wait')
    return choices
  }

  choose(choice: string): void {
    const [verb, first, second, third] = choice.split(' ')
    const index = Number(first)
    const side = Number(second)
    const pipe = this.#pipes[index]
    switch (verb) {
      case 'send': {
        const peer = this.#peers[index]!
        for (const kind of this.#kinds) {
          peer.sent += 1
          for (const priority of sentPriorities) {
            peer.bundle.outbound.offer(priority, { kind, payload: Uint8Array.of(peer.sent) })
          }
        }
        peer.settle(this.#nowMs)
        return
      }
      case 'forget':
        this.#forgets -= 1
        this.#peers[index]!.forget()
        return
      case 'receipt':
        this.#receipts -= 1
        this.#peers[index]!.sayReceipt()
        return
      case 'open':
        this.#peers[side]!.opened(pipe!.ends[side]!, this.#nowMs)
        return
      case 'gone':
        this.#peers[side]!.gone(pipe!.ends[side]!, this.#nowMs)
        return
      case 'deliver':
        this.#deliver(pipe!, side, Number(third) as PriorityIndex)
        return
      case 'suspect': {
        if (!pipe!.isDead) this.#suspicions -= 1
        pipe!.ends[side]!.health = 'suspect'
        this.#peers[side]!.settle(this.#nowMs)
        return
      }
      case 'stall':
        this.#stalls -= 1
        pipe!.ends[side]!.isStalled = true
        return
      case 'flow':
        pipe!.ends[side]!.isStalled = false
        pipe!.ends[side]!.flow()
        this.#peers[side]!.settle(this.#nowMs)
        return
      case 'cut':
        this.#cuts -= 1
        pipe!.die(true)
        return
      case 'silence':
        this.#silences -= 1
        pipe!.die(false)
        return
      case 'wait':
        this.#wait()
        return
      default:
        throw new Error(`no choice "${choice}"`)
    }
  }

  fingerprint(): string {
    const pipes = this.#pipes.map((pipe) => [
      pipe.isDead,
      pipe.isCut,
      ...pipe.ends.map((end) => [
        end.isOpen,
        end.isStalled,
        end.health,
        end.waiting,
        end.flying.map(flyingText),
      ]),
    ])
    const faults = [this.#cuts, this.#silences, this.#suspicions, this.#stalls]
    const budgets = [...faults, this.#forgets, this.#receipts]
    return JSON.stringify([this.#peers.map((peer) => peer.inspect(this.#nowMs)), pipes, budgets])
  }

  violation(): string | undefined {
    const [decider, follower] = this.#peers
    const haveBroken = decider.breaks + follower.breaks > 0
    if (!haveBroken && decider.tears + follower.tears > 0) return 'frames were lost in a switch'
    return decider.complaint ?? follower.complaint
  }

  settle(): string | undefined {
    for (let round = 0; round < 100; round += 1) {
      if (!this.#settleOnce()) break
    }
    return this.violation() ?? this.#complaintAtRest()
  }

  /** False when nothing is left to happen. */
  #settleOnce(): boolean {
    const fair = this.choices().find((choice) => {
      const verb = choice.split(' ')[0]!
      return verb === 'open' || verb === 'gone' || verb === 'deliver' || verb === 'flow'
    })
    if (fair !== undefined) {
      this.choose(fair)
      return true
    }
    // What is silent is suspected in the end, and then given up.
    for (const [index, pipe] of this.#pipes.entries()) {
      if (!pipe.isDead || pipe.isCut) continue
      for (const [side, end] of pipe.ends.entries()) {
        if (end.isOpen && end.health === 'up') {
          this.choose(`suspect ${index} ${side}`)
          return true
        }
      }
      pipe.isCut = true
      return true
    }
    if (this.#nextDeadlineMs() === Number.POSITIVE_INFINITY) return false
    this.#wait()
    return true
  }

  /** Delivers one frame that is on its way; false when there is none. */
  #deliverFirst(): boolean {
    const delivery = this.choices().find((choice) => choice.startsWith('deliver'))
    if (delivery !== undefined) this.choose(delivery)
    return delivery !== undefined
  }

  #complaintAtRest(): string | undefined {
    const [decider, follower] = this.#peers
    const lives = this.#pipes.filter(({ isDead }) => !isDead)
    for (const peer of this.#peers) {
      if (peer.open.size !== lives.length) {
        return `${lives.length} channels live, ${peer.open.size} are open`
      }
    }
    if (lives.length === 0) return undefined
    const ends = [decider.bundle.carrier?.name, follower.bundle.carrier?.name]
    if (ends[0] === undefined || ends[0].slice(0, -1) !== ends[1]?.slice(0, -1)) {
      return `frames go on ${ends[0]} and ${ends[1]}`
    }
    if (decider.breaks + follower.breaks > 0) return undefined
    for (const [sender, receiver] of [
      [decider, follower],
      [follower, decider],
    ] as const) {
      const least = sender.givenUp > 0 ? this.#numbersKept(sender.sent) : sender.sent
      for (const priority of sentPriorities) {
        const came = receiver.received.get(priority)?.length ?? 0
        if (came < least || came > sender.sent) return `${came} of ${sender.sent} frames came`
      }
    }
    return undefined
  }

  /** Of so many frames those that are never given up. */
  #numbersKept(count: number): number {
    const kept = this.#kinds.filter((kind) => kind !== 'packet').length
    return (count / this.#kinds.length) * kept
  }

  #deliver(pipe: Pipe, side: number, priority: PriorityIndex): void {
    const { flying } = pipe.ends[1 - side]!
    const at = flying.findIndex((entry) => entry.priority === priority)
    const [entry] = flying.splice(at, 1)
    if (!entry) throw new Error('nothing to deliver')
    this.#peers[side]!.frameCame(pipe.ends[side]!, priority, entry.frame, this.#nowMs)
  }

  #nextDeadlineMs(): number {
    return Math.min(...this.#peers.map(({ bundle }) => bundle.deadlineMs))
  }

  #wait(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#nextDeadlineMs())
    for (const pipe of this.#pipes) {
      if (!pipe.isDead) for (const end of pipe.ends) end.answeredAtMs = this.#nowMs
    }
    for (const peer of this.#peers) {
      peer.settle(this.#nowMs)
    }
  }
}
