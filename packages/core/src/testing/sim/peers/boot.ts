/**
 * One boot of a peer: an engine and its driver, made of scheduled events. Everything that a crash
 * ends.
 *
 * The driver's law (driver/driver.ts): a deadline that is due comes before the next input; outputs
 * are carried out before the next of either.
 */

import type { SleepAwareClock } from '../../../driver/sleep-aware-clock.ts'
import type { Command, CommandAnswer, MeshEvent, SubscriberId } from '../../../engine/command.ts'
import { Fifo } from '../../../engine/fifo.ts'
import type { ChannelId, CommandId, DialId, Input } from '../../../engine/input.ts'
import type { EngineMeasure } from '../../../engine/layers.ts'
import type { Output } from '../../../engine/output.ts'
import type { FlightRecorder } from '../../../recorder/recorder.ts'
import type { Pipe } from '../network/pipe.ts'
import type { World } from '../world/world.ts'
import type { DiskAccess } from './disk-access.ts'
import type { Machine } from './machine.ts'

/** What a boot runs: an `Engine`, or in tests one that has been tampered with. */
export interface SimulatedEngine {
  handle(input: Input, nowMs: number): void
  poll(): Output | undefined
  nextDeadlineMs(): number
  rootDigest(): Uint8Array
  measure(): EngineMeasure
}

/** What one boot is made of. */
export interface BootParts {
  readonly name: string
  readonly epoch: number
  readonly engine: SimulatedEngine
  readonly flight: FlightRecorder
  readonly disk: DiskAccess
  readonly machine: Machine
  readonly clock: SleepAwareClock
}

/** Whose boot it is. */
export interface BootOwner {
  carryOut(boot: Boot, output: Output): void
  /** The engine took in an input, or a deadline, and all that it decided was carried out. */
  stepped(boot: Boot, input: Input): void
  /** The engine threw, or does not come to rest: the boot is to end. */
  failed(boot: Boot, invariant: 'engine-failed' | 'no-progress', why: string): void
}

/** A command, and what is called with its answer. */
export interface UnansweredCommand {
  readonly type: Command['type']
  readonly answered: (answer: CommandAnswer) => void
}

/** A deadline that stands after it was handled so many times in a row is a bug in a layer. */
const deadlineRepeatMax = 1_000

/** See the file header. */
export class Boot {
  readonly name: string
  readonly epoch: number
  readonly engine: SimulatedEngine
  readonly flight: FlightRecorder
  readonly disk: DiskAccess
  readonly pipes = new Map<ChannelId, Pipe>()
  readonly dials = new Set<DialId>()
  readonly unanswered = new Map<CommandId, UnansweredCommand>()
  readonly subscribers = new Map<SubscriberId, (event: MeshEvent) => void>()
  readonly #world: World
  readonly #owner: BootOwner
  readonly #machine: Machine
  readonly #clock: SleepAwareClock
  readonly #waiting = new Fifo<Input>()
  #commandsWaiting = 0
  #isPumping = false
  #isOver = false
  /** World time at which the timer goes off, and what counts the timers set. */
  #timerAtMs = Number.POSITIVE_INFINITY
  #timer = 0
  #standing = { atMs: Number.NEGATIVE_INFINITY, count: 0 }

  constructor(world: World, owner: BootOwner, parts: BootParts) {
    this.#world = world
    this.#owner = owner
    this.name = parts.name
    this.epoch = parts.epoch
    this.engine = parts.engine
    this.flight = parts.flight
    this.disk = parts.disk
    this.#machine = parts.machine
    this.#clock = parts.clock
  }

  /** Commands that the engine has not seen yet. */
  get commandsWaiting(): number {
    return this.#commandsWaiting
  }

  /** The time that its engine reads. */
  get nowMs(): number {
    return this.#clock.nowMs()
  }

  take(input: Input): void {
    if (input.type === 'command') this.#commandsWaiting += 1
    this.#waiting.push(input)
    this.pump()
  }

  /** Handles what is due and what waits, unless the machine sleeps. */
  pump(): void {
    if (this.#isPumping || this.#isOver || !this.#machine.isAwake) return
    this.#isPumping = true
    while (!this.#isOver) {
      const input = this.#next()
      if (input === undefined) break
      this.#handle(input)
    }
    this.#isPumping = false
    this.#arm()
  }

  /** Sets the timer anew: the machine's timers have changed. */
  rearm(moreMs = 0): void {
    const delayMs = this.#timerAtMs - this.#world.nowMs
    this.#timerAtMs = Number.POSITIVE_INFINITY
    if (moreMs > 0 && delayMs < Number.POSITIVE_INFINITY) this.#set(delayMs + moreMs)
    else this.#arm()
  }

  end(): void {
    this.#isOver = true
    this.disk.cut()
  }

  #next(): Input | undefined {
    const deadlineMs = this.engine.nextDeadlineMs()
    const nowMs = this.#clock.nowMs()
    if (deadlineMs <= nowMs) {
      const count = this.#standing.atMs === deadlineMs ? this.#standing.count + 1 : 1
      this.#standing = { atMs: deadlineMs, count }
      if (count <= deadlineRepeatMax) return { type: 'deadline' }
      this.#fail('no-progress', `the deadline ${deadlineMs} stands at ${nowMs}`)
      return undefined
    }
    const input = this.#waiting.shift()
    if (input?.type === 'command') this.#commandsWaiting -= 1
    return input
  }

  #handle(input: Input): void {
    const { trace, nowMs } = this.#world
    const received = input.type === 'channel-received' ? input.bytes : undefined
    trace.add(`${nowMs} ${this.name} < ${input.type}`, received)
    try {
      this.engine.handle(input, this.#clock.nowMs())
      while (!this.#isOver) {
        const output = this.engine.poll()
        if (output === undefined) break
        const sent = output.type === 'channel-send' ? output.bytes : undefined
        trace.add(`${nowMs} ${this.name} > ${output.type}`, sent)
        this.#owner.carryOut(this, output)
      }
    } catch (error) {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#fail('engine-failed', stack.split('\n').slice(0, 6).join(' '))
    }
    if (!this.#isOver) this.#owner.stepped(this, input)
  }

  #fail(invariant: 'engine-failed' | 'no-progress', why: string): void {
    if (!this.#isOver) this.#owner.failed(this, invariant, why)
  }

  #arm(): void {
    if (this.#isOver || !this.#machine.isAwake) return
    const deadlineMs = this.engine.nextDeadlineMs()
    if (deadlineMs === Number.POSITIVE_INFINITY) return
    this.#set(deadlineMs - this.#clock.nowMs())
  }

  /** An earlier timer stays: it looks what there is to do and sets the next one. */
  #set(delayMs: number): void {
    const atMs = this.#machine.timerAtMs(delayMs)
    if (atMs >= this.#timerAtMs) return
    this.#timerAtMs = atMs
    this.#timer += 1
    const timer = this.#timer
    this.#world.at(atMs, () => {
      // The timers of a machine that sleeps go off when it wakes: see `rearm`.
      if (this.#timer !== timer || this.#isOver || !this.#machine.isAwake) return
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.pump()
    })
  }
}
