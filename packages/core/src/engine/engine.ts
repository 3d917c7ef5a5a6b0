/**
 * The engine: every protocol of a peer as one deterministic state machine.
 *
 * The law: `handle` one input, then `poll` until it gives nothing, then come back at
 * `nextDeadlineMs` at the latest. No call does input or output, reads a clock or draws randomness.
 *
 * This file has its life, from the first input to the farewell, and settles what each input causes;
 * `Layers` joins the protocols.
 */

import type { Recorder } from '../recorder/recorder.ts'
import { assert } from './assert.ts'
import type { Command } from './command.ts'
import type { EngineContext } from './context.ts'
import { SeededRandom } from './crypto/random.ts'
import type { EngineOptions } from './engine-options.ts'
import { Fifo } from './fifo.ts'
import { Identity } from './identity/identity.ts'
import type { PeerId } from './identity/peer-id.ts'
import type { CommandId, Input } from './input.ts'
import { Layers, type EngineMeasure } from './layers.ts'
import type { Output } from './output.ts'

/**
 * Rounds of passing events between layers within one input; more means that two chase each other.
 * The most that one input honestly causes is a batch of some 10,000 small writes that became durable,
 * with an answer and a change for each neighbour for each of them.
 */
const settleRoundsMax = 1_000_000

/** A peer without a body. See the file header for the law of its use. */
export class Engine {
  /** This peer's id. */
  readonly peer: PeerId
  readonly #recorder: Recorder
  readonly #layers: Layers
  readonly #outputs = new Fifo<Output>()
  #life: 'new' | 'running' | 'stopping' | 'stopped' = 'new'

  constructor(options: EngineOptions) {
    const { cryptography, recorder } = options
    const context: EngineContext = {
      random: new SeededRandom(options.seed),
      cryptography,
      recorder,
    }
    const identity = new Identity(options.identitySecretKey, cryptography)
    this.peer = identity.peer
    this.#recorder = recorder
    this.#layers = new Layers(context, identity, options, this.#outputs)
  }

  /** Equal on two peers that hold the same changes; 16 bytes. */
  rootDigest(): Uint8Array {
    return this.#layers.rootDigest()
  }

  /** Sizes of what is held for links and connections now. Walks over all of them. */
  measure(): EngineMeasure {
    return this.#layers.measure()
  }

  /** Takes in what happened at `nowMs` (monotonic, never decreasing). */
  handle(input: Input, nowMs: number): void {
    if (this.#life === 'stopped') return
    this.#recorder.setTime(nowMs)
    if (this.#life === 'new') {
      this.#life = 'running'
      this.#layers.start(nowMs)
    }
    this.#take(input, nowMs)
    this.#settle(nowMs)
  }

  /** The next thing to carry out, or `undefined` when there is nothing more for now. */
  poll(): Output | undefined {
    return this.#outputs.shift()
  }

  /** When to hand in a `deadline` input, on the clock of `nowMs`; `Infinity` for never. */
  nextDeadlineMs(): number {
    return this.#life === 'stopped' ? Number.POSITIVE_INFINITY : this.#layers.nextDeadlineMs()
  }

  #take(input: Input, nowMs: number): void {
    switch (input.type) {
      case 'command':
        this.#command(input.command, input.body, nowMs)
        return
      case 'deadline':
        this.#layers.handleDeadline(nowMs)
        return
      case 'stop':
        this.#stop(nowMs)
        return
      default:
        this.#layers.take(input, nowMs)
    }
  }

  #command(command: CommandId, body: Command, nowMs: number): void {
    if (this.#life === 'running') {
      this.#layers.handleCommand(command, body, nowMs)
      return
    }
    const problem = { code: 'mesh-closed', message: 'the mesh is being closed' } as const
    this.#outputs.push({ type: 'command-answered', command, answer: { ok: false, problem } })
  }

  #stop(nowMs: number): void {
    if (this.#life !== 'running') return
    this.#life = 'stopping'
    this.#layers.stop(nowMs)
  }

  /** Passes events up until every layer is quiet. */
  #settle(nowMs: number): void {
    let rounds = 0
    while (this.#layers.passOne(nowMs)) {
      rounds += 1
      assert(rounds < settleRoundsMax, 'the layers of the engine settle')
    }
    this.#layers.settled(nowMs)
    if (this.#life === 'stopping' && this.#layers.isIdle) this.#finish(nowMs)
  }

  /** The last writes are durable and handed to sync: farewell. */
  #finish(nowMs: number): void {
    this.#layers.finish(nowMs)
    while (this.#layers.passOne(nowMs));
    this.#outputs.push({ type: 'stopped' })
    this.#life = 'stopped'
  }
}
