/**
 * Two whole neighbourhoods and the channels between them, for exploring every order of messages
 * (`testing/explore`): of a handshake, and of what follows it. Messages are delivered, lost, doubled,
 * and overtake each other where the channel may do that; channels are cut; time passes from deadline to
 * deadline.
 *
 * What each peer has seen so far, in order, is its state: it is deterministic. So two orders of events
 * that are the same for each peer count as one state.
 */

import type { Explorable } from '../../testing/explore/explorer.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import type { DialId } from '../input.ts'
import { identityOf, newFlight, Side } from './neighbourhood-pipes.ts'
import type { Pipe, SideOptions } from './neighbourhood-pipes.ts'

export interface TwoNeighbourhoodsOptions extends SideOptions {
  readonly traits: ChannelTraits
  /** They have met before: the handshakes are returns. */
  readonly haveMet: boolean
  readonly losses: number
  readonly duplicates: number
  readonly overtakings: number
  readonly cuts: number
  /** Times that nothing happens until the next deadline. */
  readonly waits: number
  /** Frames that are sent before all is settled, by whoever is linked. */
  readonly sends?: number
  /** Times that a peer is gone without a word, and boots anew. */
  readonly boots?: number
}

const payload = Uint8Array.of(1, 2, 3)

/** See the file header. */
export class TwoNeighbourhoods implements Explorable {
  readonly #options: TwoNeighbourhoodsOptions
  readonly #sides: readonly [Side, Side]
  readonly #pipes: Pipe[] = []
  #nowMs = 0
  #losses: number
  #duplicates: number
  #overtakings: number
  #cuts: number
  #waits: number
  #boots: number
  #sends: number

  constructor(options: TwoNeighbourhoodsOptions) {
    this.#options = options
    this.#losses = options.losses
    this.#duplicates = options.duplicates
    this.#overtakings = options.overtakings
    this.#cuts = options.cuts
    this.#waits = options.waits
    this.#boots = options.boots ?? 0
    this.#sends = options.sends ?? 0
    this.#sides = [new Side(0, options), new Side(1, options)]
    for (const side of this.#sides) side.boot(this.#nowMs)
    for (const side of options.diallers) this.#drain(side)
    if (options.haveMet) this.#meet()
  }

  choices(): readonly string[] {
    const choices: string[] = []
    for (const [index, { flights, states, isCut }] of this.#pipes.entries()) {
      for (const side of [0, 1] as const) {
        const at = `${index} ${side}`
        if (states[side] === 'opening' && !isCut) choices.push(`open ${at}`)
        if (states[side] !== 'open') continue
        const { messages } = flights[1 - side]!
        const isOver = isCut || (states[1 - side] === 'closed' && messages.length === 0)
        if (isOver) choices.push(`gone ${at}`)
        if (messages.length > 0) choices.push(`deliver ${at} 0`)
        if (messages.length > 0 && this.#losses > 0) choices.push(`lose ${at}`)
        if (messages.length > 0 && this.#duplicates > 0) choices.push(`double ${at}`)
        if (this.#overtakings === 0) continue
        for (let place = 1; place < messages.length; place += 1)
          choices.push(`deliver ${at} ${place}`)
      }
      if (!isCut && this.#cuts > 0) choices.push(`cut ${index}`)
    }
    if (this.#waits > 0) choices.push('wait')
    if (this.#boots > 0) choices.push('boot 0 0', 'boot 0 1')
    for (const side of [0, 1] as const) {
      if (this.#sends > 0 && this.#sides[side].isLinked) choices.push(`send 0 ${side}`)
    }
    return choices
  }

  choose(choice: string): void {
    const [verb, first, second, third] = choice.split(' ')
    const side = Number(second) as 0 | 1
    const pipe = this.#pipes[Number(first)]!
    switch (verb) {
      case 'open':
        this.#open(Number(first), side, undefined)
        return
      case 'gone':
        this.#gone(Number(first), side)
        return
      case 'deliver':
        if (third !== '0') this.#overtakings -= 1
        this.#deliver(Number(first), side, Number(third))
        return
      case 'lose':
        this.#losses -= 1
        pipe.flights[1 - side]!.messages.shift()
        return
      case 'double': {
        this.#duplicates -= 1
        const { messages } = pipe.flights[1 - side]!
        messages.push(messages[0]!)
        return
      }
      case 'cut':
        this.#cuts -= 1
        this.#cut(pipe)
        return
      case 'wait':
        this.#waits -= 1
        this.#wait()
        return
      case 'send':
        this.#sends -= 1
        this.#sides[side].note('send')
        this.#sendFrame(side)
        return
      case 'boot':
        this.#boots -= 1
        this.#boot(side)
        return
      default:
        throw new Error(`no choice "${choice}"`)
    }
  }

  fingerprint(): string {
    const pipes = this.#pipes.map(({ flights, states, isCut }) => [
      ...flights.map(({ messages }) => messages.map(({ place }) => place)),
      states,
      isCut,
    ])
    const faults = [this.#losses, this.#duplicates, this.#overtakings, this.#cuts, this.#waits]
    const budgets = [...faults, this.#boots, this.#sends]
    return JSON.stringify([this.#sides.map(({ history }) => history), pipes, budgets])
  }

  violation(): string | undefined {
    return this.#sides[0].complaint ?? this.#sides[1].complaint
  }

  settle(): string | undefined {
    this.#losses = 0
    this.#duplicates = 0
    this.#overtakings = 0
    this.#cuts = 0
    this.#boots = 0
    // Long enough for a handshake that is given up, the longest pause, and another one.
    for (const endMs = this.#nowMs + 60_000; this.#nowMs < endMs; this.#wait()) {
      this.#deliverAll()
      if (this.#isDone()) break
    }
    return this.violation() ?? this.#complaintAtRest()
  }

  #isDone(): boolean {
    const areLinked = this.#sides.every(({ isLinked }) => isLinked)
    return this.#options.isSecretShared ? areLinked && this.#pipesInUse() <= 1 : false
  }

  #complaintAtRest(): string | undefined {
    if (!this.#options.isSecretShared) {
      for (const { told, isLinked } of this.#sides) {
        if (isLinked) return 'linked without a common secret'
        const codes = told.flatMap((output) =>
          output.type === 'problem' ? [output.problem.code] : [],
        )
        if (!codes.includes('secret-mismatch')) return `told of ${codes.join(', ')}`
      }
      return undefined
    }
    if (!this.#isDone()) return `linked: ${this.#sides.map(({ isLinked }) => isLinked).join(', ')}`
    for (const side of [0, 1] as const) {
      const other = this.#sides[1 - side]!
      other.told.length = 0
      this.#sendFrame(side)
      const count = (): number => other.told.filter(({ type }) => type === 'frame').length
      for (let round = 0; round < 60 && count() === 0; round += 1) {
        this.#deliverAll()
        this.#wait()
      }
      this.#deliverAll()
      const frames = count()
      if (frames !== 1) return `${frames} frames came of one`
    }
    return this.violation()
  }

  #sendFrame(side: 0 | 1): void {
    const { peer } = identityOf(1 - side, this.#options.cryptography)
    this.#sides[side].neighbourhood.send(peer, 'packet', 'sync', payload, this.#nowMs)
    this.#drain(side)
  }

  /** Pipes that at least one end has open. */
  #pipesInUse(): number {
    return this.#pipes.filter(({ states }) => states.includes('open')).length
  }

  /** First handshakes, whose channels are cut when they are over. */
  #meet(): void {
    this.#deliverAll()
    for (const pipe of this.#pipes) this.#cut(pipe)
    this.#deliverAll()
    for (const side of this.#sides) side.told.length = 0
    const dialled = (): number => this.#pipes.filter(({ isCut }) => !isCut).length
    while (dialled() < this.#options.diallers.length) this.#wait()
  }

  /** Everything that is on its way arrives, and what it leads to. */
  #deliverAll(): void {
    for (;;) {
      const fair = this.choices().find((choice) => {
        const [verb] = choice.split(' ')
        return verb === 'open' || verb === 'gone' || verb === 'deliver'
      })
      if (fair === undefined) return
      this.choose(fair)
    }
  }

  /** Its channels are gone with it, of which the other end learns when it learns it. */
  #boot(side: 0 | 1): void {
    for (const pipe of this.#pipes) {
      if (pipe.states[side] === 'opening') pipe.states[side] = 'closed'
      if (pipe.states[side] !== 'open') continue
      pipe.states[side] = 'closed'
      this.#cut(pipe)
    }
    this.#sides[side].note('boot')
    this.#sides[side].boot(this.#nowMs)
    this.#drain(side)
  }

  #open(index: number, side: 0 | 1, dial: DialId | undefined): void {
    const { traits } = this.#options
    this.#pipes[index]!.states[side] = 'open'
    this.#sides[side].note(`open ${index}`)
    this.#sides[side].neighbourhood.channelOpened(
      { channel: index + 1, transport: 'pipe', traits, ...(dial !== undefined && { dial }) },
      this.#nowMs,
    )
    this.#drain(side)
  }

  #deliver(index: number, side: 0 | 1, place: number): void {
    const [message] = this.#pipes[index]!.flights[1 - side]!.messages.splice(place, 1)
    if (!message) throw new Error('nothing to deliver')
    this.#sides[side].note(`${index}:${message.place}`)
    const bytes = message.bytes.slice()
    this.#sides[side].neighbourhood.channelReceived(index + 1, bytes, this.#nowMs)
    this.#drain(side)
  }

  #cut(pipe: Pipe): void {
    pipe.isCut = true
    for (const { messages } of pipe.flights) messages.length = 0
  }

  #gone(index: number, side: 0 | 1): void {
    this.#pipes[index]!.states[side] = 'closed'
    this.#sides[side].note(`gone ${index}`)
    const reason = this.#pipes[index]!.isCut ? 'lost' : 'remote'
    this.#sides[side].neighbourhood.channelClosed(index + 1, reason, this.#nowMs)
    this.#drain(side)
  }

  /** Until the first deadline of the two. */
  #wait(): void {
    const deadlines = this.#sides.map(({ neighbourhood }) => neighbourhood.nextDeadlineMs())
    this.#nowMs = Math.max(this.#nowMs, Math.min(...deadlines))
    for (const side of [0, 1] as const) {
      if (deadlines[side]! > this.#nowMs) continue
      this.#sides[side].note(`at ${this.#nowMs}`)
      this.#sides[side].neighbourhood.handleDeadline(this.#nowMs)
      this.#drain(side)
    }
  }

  /** Carries out what a peer has decided. */
  #drain(side: 0 | 1): void {
    const { neighbourhood } = this.#sides[side]
    for (let output = neighbourhood.poll(); output; output = neighbourhood.poll()) {
      this.#sides[side].tell(output)
      switch (output.type) {
        case 'dial': {
          const flights = [newFlight(), newFlight()] as const
          this.#pipes.push({ dialler: side, flights, states: ['opening', 'opening'], isCut: false })
          this.#open(this.#pipes.length - 1, side, output.dial)
          break
        }
        case 'channel-send':
          this.#send(output.channel - 1, side, output.bytes)
          break
        case 'close-channel':
          this.#close(output.channel - 1, side)
          break
        default:
      }
    }
  }

  #send(index: number, side: 0 | 1, bytes: Uint8Array): void {
    const { flights, isCut } = this.#pipes[index]!
    const flight = flights[side]
    if (!isCut) flight.messages.push({ place: flight.sent, bytes })
    flight.sent += 1
    flight.sentBytes += bytes.length
    this.#sides[side].neighbourhood.channelDrained(index + 1, flight.sentBytes, this.#nowMs)
  }

  /** What was sent still arrives; then the other end is told. */
  #close(index: number, side: 0 | 1): void {
    const pipe = this.#pipes[index]!
    if (pipe.states[side] === 'closed') return
    pipe.states[side] = 'closed'
    this.#sides[side].neighbourhood.channelClosed(index + 1, 'local', this.#nowMs)
    if (pipe.states[1 - side] === 'closed') this.#cut(pipe)
  }
}
