/**
 * The way of one boot of a peer to its disk. Operations take effect in the order of the calls (KV7 of
 * docs/specs/storage.md) and are answered later, in any order: a crash in between loses or keeps a
 * batch, and what was read may be old when it arrives.
 */

import type { StorageAnswer } from '../../../engine/input.ts'
import type { StorageRead, StorageReadResult, StorageWrite } from '../../../storage/storage.ts'
import type { Dice } from '../world/dice.ts'
import type { DiskFailure, SimulatedDisk } from './simulated-disk.ts'

/** What a way to a disk needs of its world. */
export interface DiskWorld {
  readonly nowMs: number
  readonly diskDelayMsMax: number
  /** Actions of one time come in the order of the calls. */
  at(atMs: number, action: () => void): void
  /** Something befell a batch. */
  befell(accident: 'unwritten'): void
}

/** No disk answers at once. */
const diskDelayMsMin = 0.2

/** See the file header. Nothing takes effect, or is answered, after the end of the boot. */
export class DiskAccess {
  readonly #world: DiskWorld
  readonly #dice: Dice
  readonly #disk: SimulatedDisk
  /** When the last operation takes effect. */
  #effectAtMs = 0
  #writesUnderWay = 0
  /** Batches that have not taken effect. */
  #unwritten = 0
  #whenWriting: (() => void) | undefined
  #isCut = false

  constructor(world: DiskWorld, dice: Dice, disk: SimulatedDisk) {
    this.#world = world
    this.#dice = dice
    this.#disk = disk
  }

  /** The boot is over: what is under way is lost, unless the medium has it already. */
  cut(): void {
    this.#isCut = true
    for (let count = 0; count < this.#unwritten; count += 1) this.#world.befell('unwritten')
  }

  /** Calls back once, when the next batch is on its way and has not taken effect. */
  whenWriting(told: () => void): void {
    this.#whenWriting = told
  }

  /** A batch is unanswered: what is read may be ahead of what the engine knows to be durable. */
  get isWriting(): boolean {
    return this.#writesUnderWay > 0
  }

  read(reads: readonly StorageRead[], answered: (answer: StorageAnswer) => void): void {
    const { failure } = this.#disk
    let results: readonly StorageReadResult[] = []
    this.#operate(
      () => {
        results = this.#disk.read(reads)
      },
      () => answered(failure === undefined ? { type: 'read', results } : failed(failure)),
    )
  }

  write(writes: readonly StorageWrite[], answered: (answer: StorageAnswer) => void): void {
    const { failure } = this.#disk
    this.#writesUnderWay += 1
    this.#unwritten += 1
    const told = this.#whenWriting
    this.#whenWriting = undefined
    if (told !== undefined) this.#at(this.#world.nowMs, told)
    this.#operate(
      () => {
        this.#unwritten -= 1
        if (failure?.keeps !== false) this.#disk.write(writes)
        if (failure?.keeps === true) this.#disk.hasMisled = true
      },
      () => {
        this.#writesUnderWay -= 1
        answered(failure === undefined ? { type: 'written' } : failed(failure))
      },
    )
  }

  #operate(takeEffect: () => void, answer: () => void): void {
    const world = this.#world
    const delayMs =
      (diskDelayMsMin + this.#dice.fraction() * world.diskDelayMsMax) * this.#disk.slowness
    const effectMs = delayMs * this.#dice.fraction()
    this.#effectAtMs = Math.max(this.#effectAtMs, world.nowMs + effectMs)
    this.#at(this.#effectAtMs, takeEffect)
    this.#at(this.#effectAtMs + delayMs - effectMs, answer)
  }

  #at(atMs: number, action: () => void): void {
    this.#world.at(atMs, () => {
      if (!this.#isCut) action()
    })
  }
}

function failed({ reason }: DiskFailure): StorageAnswer {
  return { type: 'failed', reason, message: `simulated: ${reason}` }
}
