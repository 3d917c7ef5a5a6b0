/** Randomness for the engine: a stream that one 32-byte seed determines. */

import { chacha20 } from '@noble/ciphers/chacha.js'

const blockBytes = 1024

/** Gives unpredictable bytes when seeded from the host's generator, repeatable ones in simulation. */
export interface Random {
  /** The next `length` bytes of the stream. */
  bytes(length: number): Uint8Array
  /** The next number from 0 (inclusive) to 1 (exclusive), with 32 bits of resolution. */
  fraction(): number
}

/** ChaCha20 keystream (RFC 8439) of the seed, one block key after the other. */
export class SeededRandom implements Random {
  readonly #seed: Uint8Array
  #blockIndex = 0
  #block = new Uint8Array(0)
  #offset = 0

  constructor(seed: Uint8Array) {
    if (seed.length !== 32) throw new RangeError(`seed is ${seed.length} bytes, needs 32`)
    this.#seed = seed.slice()
  }

  bytes(length: number): Uint8Array {
    const taken = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      if (this.#offset === this.#block.length) this.#refill()
      const count = Math.min(length - filled, this.#block.length - this.#offset)
      taken.set(this.#block.subarray(this.#offset, this.#offset + count), filled)
      // Spent output is erased, so that a later leak of the block tells nothing of earlier keys.
      this.#block.fill(0, this.#offset, this.#offset + count)
      this.#offset += count
      filled += count
    }
    return taken
  }

  fraction(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(4)
    return (a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d) / 0x1_00_00_00_00
  }

  #refill(): void {
    const nonce = new Uint8Array(12)
    new DataView(nonce.buffer).setUint32(8, this.#blockIndex)
    this.#blockIndex += 1
    this.#block = chacha20(this.#seed, nonce, new Uint8Array(blockBytes))
    this.#offset = 0
  }
}
