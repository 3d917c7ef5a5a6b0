/** Client ids for replicas of documents: random, and never the same twice in one boot. */

import type { Random } from '../engine/crypto/random.ts'

/** Draws ids from 1 to 2^32 - 1. */
export class ClientIds {
  readonly #random: Random
  readonly #given = new Set<number>()

  constructor(random: Random) {
    this.#random = random
  }

  next(): number {
    let id = 0
    while (id === 0 || this.#given.has(id)) {
      const [a = 0, b = 0, c = 0, d = 0] = this.#random.bytes(4)
      id = a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d
    }
    this.#given.add(id)
    return id
  }
}
