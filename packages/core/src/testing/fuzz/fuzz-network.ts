/**
 * A few peers in virtual time for fuzzing: engines, and nodes that only look like one. Whoever fuzzes
 * sits on the pipes: each message can be dropped, changed, held back or sent twice on its way.
 */

import { unreachable } from '../../engine/assert.ts'
import type { Command, CommandAnswer } from '../../engine/command.ts'
import type { ChannelId, CommandId, Input } from '../../engine/input.ts'
import type { ApplicationStreamEvent, Output } from '../../engine/output.ts'
import type { FlightRecorder } from '../../recorder/recorder.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import { EventQueue } from '../sim/world/event-queue.ts'
import { SimulatedDisk } from '../sim/peers/simulated-disk.ts'
import { wireTransport } from '../sim/network/transports.ts'

/** What the network needs of a peer: the engine's three methods. */
export interface FuzzNode {
  handle(input: Input, nowMs: number): void
  poll(): Output | undefined
  nextDeadlineMs(): number
}

/** What arrives instead of a message; the message itself, when nothing is done to it. */
export type Tamper = (bytes: Uint8Array, from: string, to: string) => readonly Uint8Array[]

interface PipeEnd {
  readonly owner: FuzzPeer | undefined
  readonly channel: ChannelId
  other: PipeEnd | undefined
  sentBytes: number
  isOpen: boolean
}

const latencyMs = 1
const diskMs = 0.5
/** A dial to nobody fails after that long. */
const dialFailureMs = 5

const plainTraits: ChannelTraits = {
  messageBytesMax: 65_535,
  reliable: true,
  ordered: true,
  encrypted: false,
  cost: { class: 'lan', metered: false },
}

/** Traits of a channel that encrypts and is bound: links send their frames in clear over it. */
const clearTraits: ChannelTraits = { ...plainTraits, encrypted: true, binding: Uint8Array.of(7) }

/** A peer of the network. */
export class FuzzPeer {
  readonly name: string
  readonly node: FuzzNode
  readonly flight: FlightRecorder
  readonly #disk = new SimulatedDisk()
  readonly #network: FuzzNetwork
  readonly #ends = new Map<ChannelId, PipeEnd>()
  readonly #answers = new Map<CommandId, (answer: CommandAnswer) => void>()
  #armedDeadlineMs = Number.POSITIVE_INFINITY
  /** Most outputs, and most bytes sent, that one input has brought. */
  outputsPerInput = 0
  bytesPerInput = 0
  eventCount = 0
  /** Told what happens to streams of the application. */
  onStream: (event: ApplicationStreamEvent) => void = () => {}

  constructor(network: FuzzNetwork, name: string, node: FuzzNode, flight: FlightRecorder) {
    this.#network = network
    this.name = name
    this.node = node
    this.flight = flight
  }

  get openChannelCount(): number {
    return this.#ends.size
  }

  take(input: Input): void {
    const network = this.#network
    this.node.handle(input, network.nowMs)
    let outputs = 0
    let bytes = 0
    for (let output = this.node.poll(); output !== undefined; output = this.node.poll()) {
      outputs += 1
      if (output.type === 'channel-send') bytes += output.bytes.length
      this.#carryOut(output)
    }
    this.outputsPerInput = Math.max(this.outputsPerInput, outputs)
    this.bytesPerInput = Math.max(this.bytesPerInput, bytes)
    this.#arm()
  }

  execute(body: Command, answered: (answer: CommandAnswer) => void): void {
    const command = this.#network.newId()
    this.#answers.set(command, answered)
    this.take({ type: 'command', command, body })
  }

  addEnd(end: PipeEnd): void {
    this.#ends.set(end.channel, end)
  }

  removeEnd(channel: ChannelId): void {
    this.#ends.delete(channel)
  }

  #carryOut(output: Output): void {
    const network = this.#network
    switch (output.type) {
      case 'dial':
        network.dial(this, output.dial, output.address)
        return
      case 'channel-send': {
        const end = this.#ends.get(output.channel)
        if (end !== undefined) network.send(end, output.bytes)
        return
      }
      case 'close-channel': {
        const end = this.#ends.get(output.channel)
        if (end !== undefined) network.close(end)
        return
      }
      case 'storage-read': {
        const { request, reads } = output
        network.after(diskMs, () => {
          const answer = { type: 'read', results: this.#disk.read(reads) } as const
          this.take({ type: 'storage-answered', request, answer })
        })
        return
      }
      case 'storage-write': {
        const { request, writes } = output
        network.after(diskMs, () => {
          this.#disk.write(writes)
          this.take({ type: 'storage-answered', request, answer: { type: 'written' } })
        })
        return
      }
      case 'command-answered':
        this.#answers.get(output.command)?.(output.answer)
        this.#answers.delete(output.command)
        return
      case 'event':
        this.eventCount += 1
        return
      case 'stream':
        this.onStream(output.event)
        return
      case 'cancel-dial':
      case 'signal-received':
      case 'stopped':
        return
      default:
        unreachable(output)
    }
  }

  #arm(): void {
    const deadlineMs = this.node.nextDeadlineMs()
    if (deadlineMs === Number.POSITIVE_INFINITY || deadlineMs >= this.#armedDeadlineMs) return
    this.#armedDeadlineMs = deadlineMs
    this.#network.after(Math.max(0, deadlineMs - this.#network.nowMs), () => {
      if (this.#armedDeadlineMs !== deadlineMs) return
      this.#armedDeadlineMs = Number.POSITIVE_INFINITY
      this.take({ type: 'deadline' })
    })
  }
}

/** The pipes and the clock. */
export class FuzzNetwork {
  readonly #queue = new EventQueue()
  readonly #peers = new Map<string, FuzzPeer>()
  #nowMs = 0
  #nextId = 1
  tamper: Tamper = (bytes) => [bytes]
  /** Channels opened from now on carry the frames of links in clear. */
  isClear = false
  /** Channels opened from now on are said to lose and reorder messages. */
  isLoose = false

  get nowMs(): number {
    return this.#nowMs
  }

  newId(): number {
    return this.#nextId++
  }

  after(delayMs: number, action: () => void): void {
    this.#queue.push(this.#nowMs + delayMs, action)
  }

  runFor(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    while (this.#queue.nextAtMs <= untilMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#queue.nextAtMs)
      this.#queue.pop()?.()
    }
    this.#nowMs = untilMs
  }

  /** Runs until the condition holds, looked at every 10 ms; false when it does not in time. */
  runUntil(condition: () => boolean, withinMs: number): boolean {
    const limitMs = this.#nowMs + withinMs
    while (!condition()) {
      if (this.#nowMs >= limitMs) return false
      this.runFor(10)
    }
    return true
  }

  /** Adds a peer that dials the named ones. */
  add(name: string, node: FuzzNode, flight: FlightRecorder, dials: readonly string[]): FuzzPeer {
    const peer = new FuzzPeer(this, name, node, flight)
    this.#peers.set(name, peer)
    peer.take({ type: 'transport-started', ...wireTransport })
    for (const address of dials) {
      peer.take({ type: 'address-found', transport: wireTransport.transport, address })
    }
    return peer
  }

  dial(dialer: FuzzPeer, dial: number, address: string): void {
    const target = this.#peers.get(address)
    if (target === undefined) {
      this.after(dialFailureMs, () => {
        dialer.take({ type: 'dial-failed', dial, reason: 'unreachable', message: 'nobody there' })
      })
      return
    }
    this.after(latencyMs, () => {
      const [near, far] = [this.#end(dialer), this.#end(target)]
      near.other = far
      far.other = near
      this.#open(far)
      this.#open(near, dial)
    })
  }

  /** Opens a channel to a peer with nobody behind it; gives the way to send on it. */
  openBlind(to: FuzzPeer): (bytes: Uint8Array) => void {
    const [near, far] = [this.#end(undefined), this.#end(to)]
    near.other = far
    far.other = near
    this.#open(far)
    return (bytes) => this.#deliver(near, bytes)
  }

  send(end: PipeEnd, bytes: Uint8Array): void {
    end.sentBytes += bytes.length
    const drainedBytes = end.sentBytes
    const { owner, channel, other } = end
    this.after(0, () => {
      if (end.isOpen) owner?.take({ type: 'channel-drained', channel, drainedBytes })
    })
    const [from, to] = [owner?.name ?? '', other?.owner?.name ?? '']
    for (const passed of this.tamper(bytes, from, to)) this.#deliver(end, passed)
  }

  close(end: PipeEnd): void {
    this.after(0, () => this.#closed(end, 'local'))
    const { other } = end
    if (other !== undefined) this.after(latencyMs, () => this.#closed(other, 'remote'))
  }

  #deliver(from: PipeEnd, bytes: Uint8Array): void {
    const { other } = from
    if (other === undefined) return
    const { owner, channel } = other
    // Each receiver owns what it is handed.
    const copy = bytes.slice()
    this.after(latencyMs, () => {
      if (other.isOpen) owner?.take({ type: 'channel-received', channel, bytes: copy })
    })
  }

  #closed(end: PipeEnd, reason: 'local' | 'remote'): void {
    if (!end.isOpen) return
    end.isOpen = false
    end.owner?.removeEnd(end.channel)
    end.owner?.take({ type: 'channel-closed', channel: end.channel, reason })
  }

  #end(owner: FuzzPeer | undefined): PipeEnd {
    return { owner, channel: this.newId(), other: undefined, sentBytes: 0, isOpen: true }
  }

  #open(end: PipeEnd, dial?: number): void {
    const { owner, channel } = end
    const traits = this.isClear ? clearTraits : plainTraits
    owner?.addEnd(end)
    owner?.take({
      type: 'channel-opened',
      channel,
      transport: wireTransport.transport,
      traits: this.isLoose ? { ...traits, reliable: false, ordered: false } : traits,
      ...(dial !== undefined && { dial }),
    })
  }
}
