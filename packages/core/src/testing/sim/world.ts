/**
 * A simulated world: peers, pipes between them, one clock and one seed. Everything that happens is
 * an event in one queue, so a seed tells the whole run.
 */

import type { DocumentsPort } from '../../documents/documents-port.ts'
import { encodeUtf8 } from '../../engine/bytes/utf8.ts'
import type { Cryptography } from '../../engine/crypto/cryptography.ts'
import { SeededRandom } from '../../engine/crypto/random.ts'
import { Engine } from '../../engine/engine.ts'
import { peerIdOf } from '../../engine/identity/peer-id.ts'
import type { DiskWorld } from './disk-access.ts'
import { EventQueue } from './event-queue.ts'
import type { PipeWorld } from './network.ts'
import { SimulatedPeer, type PeerPlan } from './simulated-peer.ts'
import { Trace } from './trace.ts'
import { Wiring } from './wiring.ts'

export interface WorldOptions {
  /** Any integer from 0 to 2^53 - 1. */
  readonly seed: number
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
  /** A storage operation takes up to that long, on a disk that is well. */
  readonly diskDelayMsMax?: number
}

/**
 * Times are whole ticks, which binary fractions hold exactly: a peer's clock is another one by a whole
 * number, and a deadline that is reached on one is reached on the other.
 */
const ticksPerMs = 1_024

const app = 'simulated'
const secret = new Uint8Array(32).fill(7)

export class World implements PipeWorld, DiskWorld {
  readonly trace = new Trace()
  readonly wiring = new Wiring(this)
  readonly diskDelayMsMax: number
  readonly documents: DocumentsPort
  /** What happened and never may, in sentences, each once. */
  readonly violations = new Set<string>()
  readonly #options: WorldOptions
  readonly #random: SeededRandom
  readonly #queue = new EventQueue()
  readonly #peers = new Map<string, SimulatedPeer>()
  #nowMs = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.#random = new SeededRandom(this.#derive('world'))
    this.documents = options.documents
    this.diskDelayMsMax = options.diskDelayMsMax ?? 5
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get peers(): readonly SimulatedPeer[] {
    return [...this.#peers.values()]
  }

  /** The peer of that name; there must be one. */
  peer(name: string): SimulatedPeer {
    return this.#peers.get(name)!
  }

  /** The peer of that name, if there is one. */
  find(name: string): SimulatedPeer | undefined {
    return this.#peers.get(name)
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
    this.at(this.#nowMs + delayMs, action)
  }

  at(atMs: number, action: () => void): void {
    this.#queue.push(Math.ceil(atMs * ticksPerMs) / ticksPerMs, action)
  }

  isPartitioned(left: string, right: string): boolean {
    return this.wiring.isPartitioned(left, right)
  }

  violated(sentence: string): void {
    this.violations.add(sentence)
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

  /** Adds a peer and boots it when its plan says. */
  add(plan: PeerPlan): SimulatedPeer {
    const { documents } = this.#options
    const cryptography = plan.cryptography ?? this.#options.cryptography
    const identitySecretKey = this.#derive(`identity ${plan.name}`)
    const id = peerIdOf(cryptography.ed25519PublicKey(identitySecretKey), cryptography)
    const peer = new SimulatedPeer(this, plan, id, (epoch, recorder) => {
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
        recorder,
      })
    })
    this.#peers.set(plan.name, peer)
    if (plan.bootsAtMs === undefined) peer.boot()
    else this.after(plan.bootsAtMs - this.#nowMs, () => peer.boot())
    return peer
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
