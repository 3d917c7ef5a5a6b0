/** Bytes that break things: random ones, and genuine ones bent. Everything follows from the seed. */

import { ByteWriter } from '../../engine/bytes/writer.ts'
import { SeededRandom } from '../../engine/crypto/random.ts'

/** Numbers at which codecs change their mind. */
const edges = [0, 1, 2, 63, 127, 128, 255, 256, 16_383, 16_384, 65_535, 65_536, 2 ** 20]
const farEdges = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48, 2 ** 50, 2 ** 53 - 1]

/** A source of hostile bytes. */
export class HostileBytes {
  readonly #random: SeededRandom

  /** `seed` is any integer from 0 to 2^53 - 1. */
  constructor(seed: number) {
    const bytes = new Uint8Array(32)
    new DataView(bytes.buffer).setFloat64(0, seed)
    this.#random = new SeededRandom(bytes)
  }

  /** True in that fraction of the calls. */
  chance(probability: number): boolean {
    return this.#random.fraction() < probability
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#random.fraction() * (most - least + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!
  }

  /** Mostly few. */
  bytes(lengthMax: number): Uint8Array {
    const length = this.chance(0.8) ? this.integer(0, Math.min(40, lengthMax)) : undefined
    return this.#random.bytes(length ?? this.integer(0, lengthMax))
  }

  exactly(length: number): Uint8Array {
    return this.#random.bytes(length)
  }

  /** A number that a field of a message may hold: mostly small, at times at an edge. */
  count(): number {
    const die = this.integer(0, 9)
    if (die < 6) return this.integer(0, 12)
    return die < 9 ? this.pick(edges) : this.pick(farEdges)
  }

  text(lengthMax: number): string {
    const length = this.integer(0, lengthMax)
    return Array.from({ length }, () => String.fromCharCode(this.integer(0x20, 0x17f))).join('')
  }

  /** The beginning of one and the end of another. */
  splice(left: Uint8Array, right: Uint8Array): Uint8Array {
    const head = left.subarray(0, this.integer(0, left.length))
    return new ByteWriter()
      .raw(head)
      .raw(right.subarray(this.integer(0, right.length)))
      .finish()
  }

  /** The bytes with one to four things done to them. */
  bend(bytes: Uint8Array): Uint8Array {
    let bent: Uint8Array = bytes.slice()
    for (let count = this.integer(1, 4); count > 0; count -= 1) bent = this.#bendOnce(bent)
    return bent
  }

  #bendOnce(bytes: Uint8Array): Uint8Array {
    const at = this.integer(0, Math.max(0, bytes.length - 1))
    switch (this.integer(0, 6)) {
      case 0:
        if (bytes.length > 0) bytes[at]! ^= 1 << this.integer(0, 7)
        return bytes
      case 1:
        if (bytes.length > 0) bytes[at] = this.pick([0, 1, 0x7f, 0x80, 0xff])
        return bytes
      case 2:
        return bytes.slice(0, at)
      case 3:
        return bytes.slice(at)
      case 4:
        return new ByteWriter().raw(bytes).raw(this.bytes(64)).finish()
      case 5:
        return new ByteWriter().raw(bytes.subarray(0, at)).raw(bytes).finish()
      default: {
        const inserted = new ByteWriter().varint(this.count()).finish()
        return new ByteWriter()
          .raw(bytes.subarray(0, at))
          .raw(inserted)
          .raw(bytes.subarray(at))
          .finish()
      }
    }
  }
}
