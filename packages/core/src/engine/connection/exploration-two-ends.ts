/**
 * For exploration: the connections of two peers, and two pipes between them. What can happen next is a
 * choice: a packet arrives, is lost, is kept back and arrives later, or twice; the route is cut and
 * mended; time passes for both ends or for one; somebody lies; an end restarts; something is sent.
 */

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import type { Explorable } from '../../testing/explore/explorer.ts'
import { ToyCryptography, toyHash } from '../../testing/explore/toy-cryptography.ts'
import { assert } from '../assert.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { EngineContext } from '../context.ts'
import { Identity } from '../identity/identity.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { FramePayload } from '../link/link-port.ts'
import type { PacketSendResult } from '../mesh/packet-port.ts'
import { Connections } from './connections.ts'
import type { KeyLimits } from './key-phases.ts'
import { decodePacket, encodePacket } from './packet.ts'
import { parkMsMax } from './parking.ts'
import type { Arrival } from './received-packets.ts'

/** How often each kind of fault, and each thing to do, may happen. */
export interface Budgets {
  /** A packet is lost. */
  readonly losses: number
  /** A copy of a packet is kept, and arrives at any later time. */
  readonly copies: number
  /** The second packet of a pipe arrives before the first. */
  readonly overtakings: number
  /** The route goes, with all packets on it. It may come back any number of times. */
  readonly cuts: number
  /** Time passes to the next deadline while packets are under way. */
  readonly delays: number
  /** Without a route ten minutes pass: for both ends, or for one while the other is frozen. */
  readonly rests: number
  /** Somebody on the way claims that a connection, or a ticket, is not known. */
  readonly lies: number
  /** The end with the higher id is gone and boots again. */
  readonly restarts: number
  /** A message, from each end. */
  readonly messages: number
  /** An end gives the connection up, and opens another. */
  readonly closes: number
}

export const noBudgets: Budgets = {
  losses: 0,
  copies: 0,
  overtakings: 0,
  cuts: 0,
  delays: 0,
  rests: 0,
  lies: 0,
  restarts: 0,
  messages: 0,
  closes: 0,
}

export interface TwoEndsOptions {
  readonly budgets: Partial<Budgets>
  /** Both are connected at the beginning, and quiet; else both open. */
  readonly connected: boolean
  readonly keyLimits?: KeyLimits
}

type Side = 'low' | 'high'
const sides = ['low', 'high'] as const

/** More than any handshake, with all its repetitions, needs to come to an end. */
const settleSteps = 3000

/** How all packets arrive. */
const unmarked: Arrival = { priority: 'interactive', congestionMarked: false }

/** Shared by all systems: nothing depends on what it holds. */
const { recorder } = new FlightRecorder(registry, { level: 'error' })

/** One peer, the messages it has sent and been given, and all that has happened to it. */
class ToyEnd {
  readonly identity: Identity
  readonly peer: PeerId
  readonly context: EngineContext
  connections: Connections | undefined
  epoch = 0
  /** Its messages are numbered from 1, over all of its boots. */
  sentCount = 0
  /** Numbers of the messages that it was given, in this order. */
  readonly given: number[] = []
  /** Messages up to this may be missing here: a connection ended, and both ends were told. */
  excused = 0
  /** Ids that travelled in the clear, in packets that it sent last. */
  overheardConnection = 0
  overheardOpening = 0
  /** All that has happened to it: what its state follows from. */
  history = ''
  #randomCount = 0

  constructor(cryptography: ToyCryptography, secretKey: Uint8Array) {
    this.identity = new Identity(secretKey, cryptography)
    this.peer = this.identity.peer
    const random = {
      bytes: (length: number) => {
        this.#randomCount += 1
        const seed = Uint8Array.of(secretKey[0]!, this.#randomCount >> 8, this.#randomCount)
        return toyHash(seed).slice(0, length)
      },
      fraction: () => 0.5,
    }
    this.context = { random, cryptography, recorder }
  }
}

/** See the file header. */
export class TwoEnds implements Explorable {
  readonly #cryptography = new ToyCryptography()
  readonly #ends: Readonly<Record<Side, ToyEnd>>
  readonly #options: TwoEndsOptions
  readonly #left: { -readonly [Key in keyof Budgets]: number }
  /** What is on its way to an end, in the order in which it was sent. */
  readonly #pipes: Record<Side, Uint8Array[]> = { low: [], high: [] }
  /** Copies that may arrive at any time. */
  readonly #copies: { readonly to: Side; readonly packet: Uint8Array }[] = []
  #hasRoute = true
  #nowMs = 0
  #broken: string | undefined

  constructor(options: TwoEndsOptions) {
    this.#options = options
    this.#left = { ...noBudgets, ...options.budgets }
    const ends = [1, 2]
      .map((byte) => new ToyEnd(this.#cryptography, new Uint8Array(32).fill(byte)))
      .sort((one, other) => (one.peer < other.peer ? -1 : 1))
    this.#ends = { low: ends[0]!, high: ends[1]! }
    for (const side of sides) this.#boot(side)
    if (!options.connected) return
    this.#runOn()
    for (const side of sides) this.#ends[side].history = ''
  }

  choices(): readonly string[] {
    const { losses, copies, overtakings, cuts, delays, rests, lies, restarts, messages } =
      this.#left
    const choices: string[] = []
    let isQuiet = true
    for (const side of sides) {
      const { length } = this.#pipes[side]
      if (length > 0) {
        isQuiet = false
        choices.push(`deliver ${side}`)
        if (losses > 0) choices.push(`lose ${side}`)
        if (copies > 0) choices.push(`copy ${side}`)
      }
      if (length > 1 && overtakings > 0) choices.push(`overtake ${side}`)
      if (this.#ends[side].sentCount < messages) choices.push(`send ${side}`)
      if (lies > 0) choices.push(`lie-unknown ${side}`, `lie-ticket ${side}`)
      if (this.#left.closes > 0) choices.push(`close ${side}`)
    }
    for (const index of this.#copies.keys()) choices.push(`replay ${index}`)
    if (this.#hasRoute) {
      if (cuts > 0) choices.push('cut')
    } else {
      choices.push('mend')
      if (rests > 0) choices.push('rest both', 'rest low', 'rest high')
    }
    if (restarts > 0) choices.push('restart')
    if (
      this.#deadlineMs() < Number.POSITIVE_INFINITY &&
      this.#hasRoute &&
      (isQuiet || delays > 0)
    ) {
      choices.push('time')
    }
    return choices
  }

  choose(choice: string): void {
    const [verb, name] = choice.split(' ') as [string, string | undefined]
    const side = name as Side
    switch (verb) {
      case 'deliver':
        this.#deliver(side, this.#pipes[side].shift()!)
        break
      case 'lose':
        this.#left.losses -= 1
        this.#pipes[side].shift()
        break
      case 'copy':
        this.#left.copies -= 1
        this.#copies.push({ to: side, packet: this.#pipes[side][0]! })
        break
      case 'overtake':
        this.#left.overtakings -= 1
        this.#deliver(side, this.#pipes[side].splice(1, 1)[0]!)
        break
      case 'replay': {
        const [copy] = this.#copies.splice(Number(name), 1)
        this.#deliver(copy!.to, copy!.packet)
        break
      }
      case 'send':
        this.#send(side)
        break
      case 'lie-unknown':
      case 'lie-ticket':
        this.#left.lies -= 1
        this.#lie(side, verb)
        break
      case 'close':
        this.#left.closes -= 1
        this.#close(side)
        break
      case 'cut':
        this.#left.cuts -= 1
        this.#cut()
        break
      case 'mend':
        this.#mend()
        break
      case 'rest':
        this.#left.rests -= 1
        this.#nowMs += parkMsMax
        for (const awake of sides) if (name === awake || name === 'both') this.#wake(awake)
        break
      case 'restart':
        this.#left.restarts -= 1
        this.#boot('high')
        break
      default:
        if (this.#pipes.low.length + this.#pipes.high.length > 0) this.#left.delays -= 1
        this.#passTime()
    }
  }

  fingerprint(): string {
    const ends = sides.map((side) => {
      const { history } = this.#ends[side]
      return history + this.#pipes[side].map((packet) => digest(packet)).join()
    })
    const copies = this.#copies.map(({ to, packet }) => to + digest(packet))
    const left = Object.values(this.#left).join()
    return [...ends, copies.join(), left, this.#hasRoute, this.#nowMs].join('|')
  }

  violation(): string | undefined {
    const { reuse } = this.#cryptography
    if (reuse !== undefined) return `nonce ${reuse} is used twice`
    return this.#broken
  }

  settle(): string | undefined {
    this.#mend()
    this.#runOn()
    for (const side of sides) {
      const peer = this.#ends[other(side)].peer
      if (this.#connections(side).measure(peer) === undefined) {
        return `the ${side} end is not connected`
      }
    }
    return this.violation() ?? this.#checkMessages()
  }

  /** Each end sends one more message: all that are due have to come through. */
  #checkMessages(): string | undefined {
    for (const side of sides) this.#send(side)
    this.#runOn()
    for (const side of sides) {
      const { given, excused } = this.#ends[other(side)]
      for (let number = excused + 1; number <= this.#ends[side].sentCount; number += 1) {
        if (!given.includes(number)) return `message ${number} of the ${side} end is lost`
      }
    }
    return this.violation()
  }

  /** Everything fair happens, in one order, until there is nothing more to happen. */
  #runOn(): void {
    for (let step = 0; step < settleSteps; step += 1) {
      const side = sides.find((side) => this.#pipes[side].length > 0)
      if (side !== undefined) this.#deliver(side, this.#pipes[side].shift()!)
      else if (this.#deadlineMs() < Number.POSITIVE_INFINITY) this.#passTime()
      else return
    }
    this.#broken ??= 'something goes on for ever'
  }

  #connections(side: Side): Connections {
    const { connections } = this.#ends[side]
    assert(connections !== undefined, 'both ends have booted')
    return connections
  }

  #boot(side: Side): void {
    const end = this.#ends[side]
    end.epoch += 1
    end.history += `boot@${this.#nowMs} `
    const port = {
      send: (_to: PeerId, _priority: string, payload: FramePayload) => {
        return this.#sent(side, wholePayload(payload))
      },
      payloadBytesMax: () => (this.#hasRoute ? 1200 : 0),
    }
    const { identity, context, epoch } = end
    const { keyLimits } = this.#options
    const options = { identity, app: 'toy', secret: new Uint8Array(32), epoch }
    end.connections = new Connections(
      context,
      { ...options, ...(keyLimits && { keyLimits }) },
      port,
    )
    end.connections.open(this.#ends[other(side)].peer, this.#nowMs)
    this.#drain(side)
  }

  #sent(from: Side, payload: Uint8Array): PacketSendResult {
    if (!this.#hasRoute) return 'no-route'
    const packet = decodePacket(payload)
    if (packet?.type === 'protected') this.#ends[from].overheardConnection = packet.connection
    if (packet?.type === 'resumption-open') this.#ends[from].overheardOpening = packet.connection
    this.#pipes[other(from)].push(payload.slice())
    return 'accepted'
  }

  #deliver(to: Side, packet: Uint8Array): void {
    const end = this.#ends[to]
    end.history += `${digest(packet)}@${this.#nowMs} `
    this.#connections(to).packetReceived(this.#ends[other(to)].peer, packet, unmarked, this.#nowMs)
    this.#drain(to)
  }

  #send(side: Side): void {
    const end = this.#ends[side]
    const message = Uint8Array.of(end.sentCount + 1)
    end.history += `send@${this.#nowMs} `
    const { peer } = this.#ends[other(side)]
    const result = this.#connections(side).send(peer, 'sync', message, this.#nowMs)
    if (result === 'accepted') end.sentCount += 1
    this.#drain(side)
  }

  /** What anybody on the way can say, having read the ids that travel in the clear. */
  #lie(to: Side, about: string): void {
    const { overheardConnection, overheardOpening } = this.#ends[to]
    const packet =
      about === 'lie-unknown'
        ? encodePacket({ type: 'unknown-connection', connection: overheardConnection })
        : encodePacket({ type: 'refusal', connection: overheardOpening, reason: 'ticket' })
    this.#deliver(to, packet)
  }

  #close(side: Side): void {
    const end = this.#ends[side]
    end.history += `close@${this.#nowMs} `
    const { peer } = this.#ends[other(side)]
    this.#connections(side).close(peer, 'closed', this.#nowMs)
    this.#drain(side)
    this.#connections(side).open(peer, this.#nowMs)
    this.#drain(side)
  }

  #cut(): void {
    this.#hasRoute = false
    for (const side of sides) {
      this.#pipes[side] = []
      this.#ends[side].history += `cut@${this.#nowMs} `
      this.#connections(side).peerUnreachable(this.#ends[other(side)].peer, this.#nowMs)
      this.#drain(side)
    }
  }

  #mend(): void {
    if (this.#hasRoute) return
    this.#hasRoute = true
    for (const side of sides) {
      this.#ends[side].history += `mend@${this.#nowMs} `
      const { peer } = this.#ends[other(side)]
      this.#connections(side).peerReachable(peer, this.#nowMs)
      // So does the layer above when a link comes up.
      this.#connections(side).open(peer, this.#nowMs)
      this.#drain(side)
    }
  }

  #deadlineMs(): number {
    const deadlines = sides.map((side) => this.#connections(side).nextDeadlineMs())
    return Math.min(...deadlines)
  }

  #passTime(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#deadlineMs())
    for (const side of sides) this.#wake(side)
  }

  #wake(side: Side): void {
    if (this.#connections(side).nextDeadlineMs() > this.#nowMs) return
    this.#ends[side].history += `time@${this.#nowMs} `
    this.#connections(side).handleDeadline(this.#nowMs)
    this.#drain(side)
  }

  #drain(side: Side): void {
    const connections = this.#connections(side)
    for (let output = connections.poll(); output !== undefined; output = connections.poll()) {
      if (output.type === 'message') this.#given(side, output.message[0]!)
      if (output.type === 'problem') this.#broken ??= output.problem.message
      if (output.type === 'disconnected') this.#disconnected(side, output.reason)
    }
  }

  #given(to: Side, number: number): void {
    const { given, excused } = this.#ends[to]
    const last = given.at(-1) ?? 0
    if (number <= last) this.#broken ??= `message ${number} came after ${last}`
    else if (number > Math.max(last, excused) + 1)
      this.#broken ??= `message ${number} came too early`
    given.push(number)
  }

  #disconnected(side: Side, reason: string): void {
    // A connection that was there at the beginning ends when it is closed, or for a restart. One that is
    // new may be replaced before the other end has heard of it.
    const isNew = !this.#options.connected || this.#ends.high.epoch > 1
    const isClosed = (this.#options.budgets.closes ?? 0) > 0
    const mayEnd =
      reason === 'restarted' ||
      (reason === 'replaced' && (isNew || isClosed)) ||
      (isClosed && (reason === 'local' || reason === 'remote'))
    if (!mayEnd) this.#broken ??= `the ${side} end lost its connection: ${reason}`
    for (const one of sides) this.#ends[one].excused = this.#ends[other(one)].sentCount
    this.#connections(side).open(this.#ends[other(side)].peer, this.#nowMs)
  }
}

function other(side: Side): Side {
  return side === 'low' ? 'high' : 'low'
}

function digest(packet: Uint8Array): string {
  return encodeHex(toyHash(packet).subarray(0, 6))
}
