/**
 * A simulated world: peers, pipes between them, one clock and one seed. Everything that happens is
 * an event in one queue, so a seed tells the whole run.
 */

import type { DocumentsPort } from '../../../documents/documents-port.ts'
import { encodeUtf8 } from '../../../engine/bytes/utf8.ts'
import type { KeyLimits } from '../../../engine/connection/key-phases.ts'
import type { Cryptography } from '../../../engine/crypto/cryptography.ts'
import type { KeyLifetime } from '../../../engine/noise/key-use.ts'
import type { EngineOptions } from '../../../engine/engine-options.ts'
import { Engine } from '../../../engine/engine.ts'
import { peerIdOf } from '../../../engine/identity/peer-id.ts'
import type { AccidentKind } from '../network/accidents.ts'
import type { PipeWorld } from '../network/pipe-direction.ts'
import { Wiring } from '../network/wiring.ts'
import type { SimulatedEngine } from '../peers/boot.ts'
import type { DiskWorld } from '../peers/disk-access.ts'
import { SimulatedPeer, type PeerPlan } from '../peers/simulated-peer.ts'
import { Dice } from './dice.ts'
import { EventQueue } from './event-queue.ts'
import { Trace } from './trace.ts'
import type { Invariant, Violation } from './violation.ts'
import { noWatch, type Watch } from './watch.ts'

export interface WorldOptions {
  /** Any integer from 0 to 2^53 - 1. */
  readonly seed: number
  readonly cryptography: Cryptography
  readonly documents: DocumentsPort
  /** How much one key of a link seals; the usual by default. */
  readonly linkKeyLifetime?: KeyLifetime
  /** How much the keys of a connection seal; the usual by default. */
  readonly connectionKeyLimits?: KeyLimits
  /** A storage operation takes up to that long, on a disk that is well. */
  readonly diskDelayMsMax?: number
  /** Makes the engine of each boot; for tests that tamper with it. */
  readonly makeEngine?: (options: EngineOptions) => SimulatedEngine
}

const newEngine = (options: EngineOptions): SimulatedEngine => new Engine(options)

/**
 * Times are whole ticks, which binary fractions hold exactly: a peer's clock is another one by a whole
 * number, and a deadline that is reached on one is reached on the other.
 */
const ticksPerMs = 1_024

/**
 * Whose id is the smaller decides much, so identities differ between seeds; but few enough are in use
 * that what is known of their keys can be remembered.
 */
const identitySets = 16

/** Between two looks at a condition. */
const lookMs = 100

const app = 'simulated'
const secret = new Uint8Array(32).fill(7)

export class World implements PipeWorld, DiskWorld {
  readonly trace = new Trace()
  readonly wiring = new Wiring(this)
  readonly diskDelayMsMax: number
  readonly documents: DocumentsPort
  watch: Watch = noWatch
  /** What happened and never may, each sentence once. */
  readonly violations: Violation[] = []
  /** Bytes of messages that have arrived. */
  movedBytes = 0
  readonly accidents: Partial<Record<AccidentKind, number>> = {}
  readonly #options: WorldOptions
  readonly #queue = new EventQueue()
  readonly #peers = new Map<string, SimulatedPeer>()
  #nowMs = 0

  constructor(options: WorldOptions) {
    this.#options = options
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

  /** The luck of one thing in this world, named by what it is. */
  dice(purpose: string): Dice {
    return new Dice(`${this.#options.seed} ${purpose}`)
  }

  after(delayMs: number, action: () => void): void {
    this.at(this.#nowMs + delayMs, action)
  }

  at(atMs: number, action: () => void): void {
    this.#queue.push(Math.ceil(atMs * ticksPerMs) / ticksPerMs, action)
  }

  isSevered(from: string, to: string): boolean {
    return this.wiring.paths.isSevered(from, to, this.#nowMs)
  }

  moved(bytes: number): void {
    this.movedBytes += bytes
  }

  befell(accident: AccidentKind): void {
    this.accidents[accident] = (this.accidents[accident] ?? 0) + 1
  }

  violated(invariant: Invariant, sentence: string): void {
    if (this.violations.some((known) => known.sentence === sentence)) return
    this.violations.push({ invariant, sentence, atMs: this.#nowMs })
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
      this.runFor(Math.min(lookMs, limitMs - this.#nowMs))
    }
    return true
  }

  /** Adds a peer and boots it, at once by default. */
  add(plan: PeerPlan, bootsAtMs = this.#nowMs): SimulatedPeer {
    const { documents, seed, linkKeyLifetime, connectionKeyLimits } = this.#options
    const cryptography = plan.cryptography ?? this.#options.cryptography
    const identitySecretKey = this.#hash(`identity ${plan.name} ${seed % identitySets}`)
    const id = peerIdOf(cryptography.ed25519PublicKey(identitySecretKey), cryptography)
    const peer = new SimulatedPeer(this, plan, id, (epoch, recorder) => {
      const makeEngine = this.#options.makeEngine ?? newEngine
      return makeEngine({
        app: plan.app ?? app,
        secret: plan.secret ?? secret,
        identitySecretKey,
        epoch,
        seed: this.#hash(`${seed} boot ${plan.name} ${epoch}`),
        name: plan.name,
        platform: 'node',
        metadata: {},
        cryptography,
        documents,
        recorder,
        ...(linkKeyLifetime && { linkKeyLifetime }),
        ...(connectionKeyLimits && { connectionKeyLimits }),
      })
    })
    this.#peers.set(plan.name, peer)
    if (bootsAtMs <= this.#nowMs) peer.boot()
    else this.at(bootsAtMs, () => peer.boot())
    return peer
  }

  #step(): void {
    this.#nowMs = Math.max(this.#nowMs, this.#queue.nextAtMs)
    this.#queue.pop()?.()
  }

  /** 32 bytes that a text determines. */
  #hash(text: string): Uint8Array {
    return this.#options.cryptography.sha256(encodeUtf8(text))
  }
}
