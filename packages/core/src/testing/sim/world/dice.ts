/**
 * Chance that repeats: draws that a text determines, and nothing else.
 *
 * Everything in a simulated world that happens by chance has dice of its own, named by what it is. So
 * a step that is taken out of a script changes what follows from it, and not the luck of the others.
 */

/** Draws to throw away until the state no longer shows its beginning. */
const warmUpDraws = 12

/** The small fast counter generator of PractRand (sfc32); not cryptographic. */
export class Dice {
  readonly #name: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(name: string) {
    this.#name = name
    // FNV-1a from three beginnings.
    this.#a = hashOf(name, 0x811c9dc5)
    this.#b = hashOf(name, 0x9e3779b9)
    this.#c = hashOf(name, 0x85ebca6b)
    for (let count = 0; count < warmUpDraws; count += 1) this.fraction()
  }

  /** Other dice, which nothing drawn here affects. */
  fork(purpose: string): Dice {
    return new Dice(`${this.#name}/${purpose}`)
  }

  /** From 0 (inclusive) to 1 (exclusive), with 32 bits of resolution. */
  fraction(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }

  /** From `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  /** An integer like `integer`, but each order of magnitude is as likely as the next. */
  magnitude(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.fraction())
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** One of them; there must be one. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!
  }

  /** Some of them, in their order: each with that probability. */
  some<Item>(items: readonly Item[], probability: number): readonly Item[] {
    return items.filter(() => this.chance(probability))
  }
}

function hashOf(text: string, offset: number): number {
  let hash = offset
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash ^ (hash >>> 15)
}
