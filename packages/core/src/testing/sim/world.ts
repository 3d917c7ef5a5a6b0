/**
 * A simulated world: peers, pipes between them, one clock and one seed. Everything that happens is
 * an event in one queue, so a seed tells the whole run.
 */

import { encodeUtf8 } from '../../engine/bytes/utf8.ts'
import { SeededRandom } from '../../engine/crypto/random.ts'
import { Engine } from '../../engine/engine.ts'
import { peerIdOf, type PeerId } from '../../engine/identity/peer-id.ts'
import type { ChannelTraits } from '../../transport/channel.ts'
import type { DialId } from '../../engine/input.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import type { DocumentsPort } from '../../documents/documents-port.ts'
import { createRecorder } from '../../recorder/recorder.ts'
import { EventQueue } from './event-queue.ts'
import { Pipe, type PipeWorld } from './network.ts'
import { SimulatedPeer, type PeerPlan } from './simulated-peer.ts'
import { directTransport, wireTransport } from './simulated-transports.ts'
import { Trace } from './trace.ts'

export interface WorldOptions {
  /** Any integer from 0 to 2^53 - 1. */
  readonly seed: number
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
  /** A storage operation takes up to that long. */
  readonly diskDelayMsMax?: number
}

const app = 'simulated'
const secret = new Uint8Array(32).fill(7)
/** A dial to nowhere fails after that long. */
const dialFailureMs = 200

export class World implements PipeWorld {
  readonly trace = new Trace()
  readonly diskDelayMsMax: number
  readonly #options: WorldOptions
  readonly #random: SeededRandom
  readonly #queue = new EventQueue()
  readonly #peers = new Map<string, SimulatedPeer>()
  readonly #namesByPeerId = new Map<PeerId, string>()
  readonly #pipes = new Set<Pipe>()
  readonly #partitions = new Set<string>()
  #nowMs = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.#random = new SeededRandom(this.#derive('world'))
    this.diskDelayMsMax = options.diskDelayMsMax ?? 5
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get peers(): readonly SimulatedPeer[] {
    return [...this.#peers.values()]
  }

  fraction(): number {
    return this.#random.fraction()
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!
  }

  after(delayMs: number, action: () => void): void {
    this.#queue.push(this.#nowMs + delayMs, action)
  }

  /** Runs all that is due within the next `durationMs`. */
  runFor(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs
    while (this.#queue.nextAtMs <= untilMs) this.#step()
    this.#nowMs = untilMs
  }

  /** Runs until the condition holds, looked at every 100 ms; false when it does not in time. */
  runUntil(condition: () => boolean, withinMs: number): boolean {
    const limitMs = this.#nowMs + withinMs
    while (!condition()) {
      if (this.#nowMs >= limitMs) return false
      this.runFor(Math.min(100, limitMs - this.#nowMs))
    }
    return true
  }

  /** Adds a peer and boots it. */
  add(plan: PeerPlan): SimulatedPeer {
    const { cryptography, documents } = this.#options
    const identitySecretKey = this.#derive(`identity ${plan.name}`)
    const peerId = peerIdOf(cryptography.ed25519PublicKey(identitySecretKey), cryptography)
    this.#namesByPeerId.set(peerId, plan.name)
    const peer = new SimulatedPeer(this, plan, (epoch) => {
      return new Engine({
        app: plan.app ?? app,
        secret: plan.secret ?? secret,
        identitySecretKey,
        epoch,
        seed: this.#derive(`boot ${plan.name} ${epoch}`),
        name: plan.name,
        metadata: {},
        cryptography,
        documents,
        recorder: createRecorder(),
      })
    })
    this.#peers.set(plan.name, peer)
    peer.boot()
    return peer
  }

  peer(name: string): SimulatedPeer {
    return this.#peers.get(name)!
  }

  peerIdOf(name: string): PeerId {
    for (const [peerId, candidate] of this.#namesByPeerId) {
      if (candidate === name) return peerId
    }
    throw new Error(`no peer named ${name}`)
  }

  /** Breaks every pipe between the two; `silently`, neither end is told. */
  cut(left: string, right: string, silently: boolean): void {
    this.trace.add(`${this.#nowMs} cut ${left} ${right} ${String(silently)}`)
    for (const pipe of this.#pipes) {
      if (!pipe.joins(left, right) && !pipe.joins(right, left)) continue
      if (silently) pipe.vanish()
      else pipe.break()
      this.#pipes.delete(pipe)
    }
  }

  /** From now on nothing passes between the two, in either direction. */
  partition(left: string, right: string): void {
    this.#partitions.add(pairOf(left, right))
    this.cut(left, right, true)
  }

  /** Ends every partition. */
  heal(): void {
    this.#partitions.clear()
  }

  isPartitioned(left: string, right: string): boolean {
    return this.#partitions.has(pairOf(left, right))
  }

  dial(dialer: SimulatedPeer, dial: DialId, transport: string, address: string): void {
    if (transport === directTransport.transport) {
      // Offer: the dialer's name and dial; the answer comes back the same way (see below).
      const target = this.#namesByPeerId.get(address as PeerId)
      if (target !== undefined) {
        this.after(1, () => dialer.sendSignal(target, encodeUtf8(`offer ${dial}`)))
      }
      this.after(10_000, () => dialer.failDial(dial, 'unreachable'))
      return
    }
    const target = this.#peers.get(address)
    const { name, profile } = dialer.plan
    if (target === undefined || !target.isUp || this.isPartitioned(name, address)) {
      this.after(dialFailureMs, () => dialer.failDial(dial, 'unreachable'))
      return
    }
    this.after(2 * profile.latencyMs, () => {
      if (!target.isUp || this.isPartitioned(name, address)) dialer.failDial(dial, 'unreachable')
      else this.#connect(dialer, dial, target, wireTransport.transport, profile.traits)
    })
  }

  /** A signal that the mesh has carried from `from` to `receiver`. */
  receiveSignal(receiver: SimulatedPeer, from: PeerId, signal: Uint8Array): void {
    const sender = this.#peers.get(this.#namesByPeerId.get(from) ?? '')
    const [kind, id] = String.fromCharCode(...signal).split(' ')
    if (sender === undefined || kind === undefined) return
    if (kind === 'offer') {
      this.after(1, () => receiver.sendSignal(sender.plan.name, encodeUtf8(`answer ${id}`)))
      return
    }
    if (!sender.isUp || this.isPartitioned(sender.plan.name, receiver.plan.name)) return
    const traits = { ...receiver.plan.profile.traits, encrypted: true, binding: encodeUtf8(kind) }
    this.#connect(receiver, Number(id), sender, directTransport.transport, traits)
  }

  #connect(
    dialer: SimulatedPeer,
    dial: DialId,
    listener: SimulatedPeer,
    transport: string,
    traits: ChannelTraits,
  ): void {
    if (!dialer.isUp || !dialer.takeDial(dial)) return
    const near = dialer.openEnd(dialer.newChannelId())
    const far = listener.openEnd(listener.newChannelId())
    const pipe = new Pipe(this, { ...dialer.plan.profile, traits }, near, far)
    this.#pipes.add(pipe)
    const opened = { type: 'channel-opened', transport, traits } as const
    listener.adopt(far.channel, pipe, { ...opened, channel: far.channel })
    dialer.adopt(near.channel, pipe, { ...opened, channel: near.channel, dial })
  }

  #step(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#queue.nextAtMs)
    this.#queue.pop()?.()
  }

  /** 32 bytes that the seed and a purpose determine. */
  #derive(purpose: string): Uint8Array {
    return this.#options.cryptography.sha256(encodeUtf8(`${this.#options.seed} ${purpose}`))
  }
}

function pairOf(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`
}
