/**
 * The machine that a peer runs on: its clocks, and whether it runs at all.
 *
 * A peer's engine reads time as the driver does (`SleepAwareClock`): monotonic time, which stands
 * still during sleep on some machines, put right by a wall clock, which may be set to anything.
 */

import { SleepAwareClock } from '../../../driver/sleep-aware-clock.ts'

/** What a machine needs of its world. */
export interface MachineWorld {
  readonly nowMs: number
}

/** The timers of a page that nobody sees come once in this time. */
const hiddenTimerMs = 60_000

/** See the file header. It outlives the boots of its peer. */
export class Machine {
  readonly #world: MachineWorld
  readonly #standsStill: boolean
  /** How long the monotonic clock has stood still. */
  #stillMs = 0
  #sleepsSinceMs: number | undefined
  #wallOffsetMs = 0
  #isHidden = false

  /** `standsStill`: its monotonic clock does not count the time that it sleeps. */
  constructor(world: MachineWorld, standsStill: boolean) {
    this.#world = world
    this.#standsStill = standsStill
  }

  get isAwake(): boolean {
    return this.#sleepsSinceMs === undefined
  }

  get isHidden(): boolean {
    return this.#isHidden
  }

  /** A clock for one boot, whose monotonic time begins anywhere. */
  clock(originMs: number): SleepAwareClock {
    return new SleepAwareClock({
      monotonicMs: () => this.#world.nowMs + originMs - this.#stillMs,
      wallMs: () => this.#world.nowMs + this.#wallOffsetMs,
    })
  }

  /** When a timer goes off that is set now. */
  timerAtMs(delayMs: number): number {
    const atMs = this.#world.nowMs + Math.max(0, delayMs)
    return this.#isHidden ? Math.ceil(atMs / hiddenTimerMs) * hiddenTimerMs : atMs
  }

  /** From now on nothing runs. False when nothing did. */
  sleep(): boolean {
    if (!this.isAwake) return false
    this.#sleepsSinceMs = this.#world.nowMs
    return true
  }

  /** How much later timers go off that were set before the sleep; undefined when it did not sleep. */
  wake(): number | undefined {
    if (this.#sleepsSinceMs === undefined) return undefined
    const sleptMs = this.#world.nowMs - this.#sleepsSinceMs
    this.#sleepsSinceMs = undefined
    if (!this.#standsStill) return 0
    this.#stillMs += sleptMs
    return sleptMs
  }

  /** Timers come once a minute from now on, or as they should. */
  hide(isHidden: boolean): void {
    this.#isHidden = isHidden
  }

  /** The wall clock is set forward, or back. */
  setWall(jumpMs: number): void {
    this.#wallOffsetMs += jumpMs
  }
}
