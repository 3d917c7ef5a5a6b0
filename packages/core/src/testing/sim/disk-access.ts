/**
 * The way of one boot of a peer to its disk: when operations reach the medium and when, later, they
 * are answered. A crash in between loses or keeps a batch; what is read may be old when it arrives.
 */

import type { StorageAnswer } from '../../engine/input.ts'
import type { StorageRead, StorageReadResult, StorageWrite } from '../../storage/storage.ts'
import type { DiskFailure, SimulatedDisk } from './simulated-disk.ts'

/** What a way to a disk needs of its world. */
export interface DiskWorld {
  readonly diskDelayMsMax: number
  after(delayMs: number, action: () => void): void
  /** A number from 0 to 1 from the world's seed. */
  fraction(): number
}

/** No disk answers at once. */
const diskDelayMsMin = 0.2

/** See the file header. Nothing reaches the disk, or is answered, after the end of the boot. */
export class DiskAccess {
  readonly #world: DiskWorld
  readonly #disk: SimulatedDisk
  #isCut = false

  constructor(world: DiskWorld, disk: SimulatedDisk) {
    this.#world = world
    this.#disk = disk
  }

  /** The boot is over: what is under way is lost, unless the medium has it already. */
  cut(): void {
    this.#isCut = true
  }

  read(reads: readonly StorageRead[], answered: (answer: StorageAnswer) => void): void {
    const delayMs = this.#delayMs()
    const { failure } = this.#disk
    let results: readonly StorageReadResult[] = []
    this.#after(delayMs * this.#world.fraction(), () => {
      results = this.#disk.read(reads)
    })
    this.#after(delayMs, () => {
      answered(failure === undefined ? { type: 'read', results } : failed(failure))
    })
  }

  write(writes: readonly StorageWrite[], answered: (answer: StorageAnswer) => void): void {
    const delayMs = this.#delayMs()
    const { failure } = this.#disk
    if (failure === undefined || failure.keeps) {
      this.#after(delayMs * this.#world.fraction(), () => {
        this.#disk.write(writes)
        if (failure !== undefined) this.#disk.hasMisled = true
      })
    }
    this.#after(delayMs, () => {
      answered(failure === undefined ? { type: 'written' } : failed(failure))
    })
  }

  #after(delayMs: number, action: () => void): void {
    this.#world.after(delayMs, () => {
      if (!this.#isCut) action()
    })
  }

  #delayMs(): number {
    const { diskDelayMsMax } = this.#world
    return (diskDelayMsMin + this.#world.fraction() * diskDelayMsMax) * this.#disk.slowness
  }
}

function failed({ reason }: DiskFailure): StorageAnswer {
  return { type: 'failed', reason, message: `simulated: ${reason}` }
}
