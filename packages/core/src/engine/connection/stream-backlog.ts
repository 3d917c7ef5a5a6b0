/**
 * What a reader has been told of and has not taken, and what it will be told of then (rule ST18).
 *
 * Invariant: at most `toldChunksMax` chunks are with the reader; what arrives beyond is gathered here
 * in larger ones. So a peer that sends a byte a packet costs a slow reader the bytes of its credit,
 * and not an object for each.
 */

import { assert } from '../assert.ts'
import { comesWithBuffer } from './stream-port.ts'

/**
 * Chunks that a reader may hold. It takes 64 packets' worth a turn, or as many larger chunks as have
 * been gathered meanwhile; with the packets of a LAN the window is reached first.
 */
export const toldChunksMax = 64

/** Gathered chunks begin small, and double while the reader is behind. */
const gatheredChunkBytesMin = 4 * 1024
const gatheredChunkBytesMax = 64 * 1024

interface GatheredChunk {
  readonly bytes: Uint8Array
  /** Bytes of it in use. */
  length: number
}

/** Bytes of one stream between their arrival in order and their reader. Its credit bounds them. */
export class StreamBacklog {
  readonly #tell: (bytes: Uint8Array) => void
  /** Lengths of the chunks that the reader holds, oldest first. */
  readonly #told: number[] = []
  /** What the reader has taken of the oldest. */
  #takenBytes = 0
  readonly #gathered: GatheredChunk[] = []
  #chunkBytes = gatheredChunkBytesMin
  #heldBytes = 0

  /** `tell` hands a chunk on for good. */
  constructor(tell: (bytes: Uint8Array) => void) {
    this.#tell = tell
  }

  /** The reader has been told of everything. */
  get isEmpty(): boolean {
    return this.#gathered.length === 0
  }

  /** Memory of what was gathered. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /**
   * Takes the next bytes, a view. One that stays valid is handed on as it is, with its whole buffer,
   * if it is most of that: the data of a full packet.
   */
  push(bytes: Uint8Array, isLasting: boolean): void {
    if (!this.isEmpty || this.#told.length >= toldChunksMax) this.#gather(bytes)
    else this.#tellOf(isLasting && comesWithBuffer(bytes) ? bytes : bytes.slice())
  }

  /** The reader has taken that many bytes: tells it of more. */
  taken(bytes: number): void {
    this.#takenBytes += bytes
    while (this.#told.length > 0 && this.#takenBytes >= this.#told[0]!) {
      this.#takenBytes -= this.#told.shift()!
    }
    assert(this.#told.length > 0 || this.#takenBytes === 0, 'a reader takes what it was told of')
    while (this.#told.length < toldChunksMax && !this.isEmpty) this.#tellOf(this.#takeGathered())
  }

  /** Forgets what the reader has not been told of; returns how many bytes those were. */
  drop(): number {
    let bytes = 0
    while (!this.isEmpty) bytes += this.#takeGathered().length
    return bytes
  }

  #tellOf(bytes: Uint8Array): void {
    this.#told.push(bytes.length)
    this.#tell(bytes)
  }

  #gather(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      const chunk = this.#fillable()
      const count = Math.min(bytes.length - offset, chunk.bytes.length - chunk.length)
      chunk.bytes.set(bytes.subarray(offset, offset + count), chunk.length)
      chunk.length += count
      offset += count
    }
  }

  #fillable(): GatheredChunk {
    const last = this.#gathered.at(-1)
    if (last !== undefined && last.length < last.bytes.length) return last
    const chunk = { bytes: new Uint8Array(this.#chunkBytes), length: 0 }
    this.#chunkBytes = Math.min(this.#chunkBytes * 2, gatheredChunkBytesMax)
    this.#gathered.push(chunk)
    this.#heldBytes += chunk.bytes.length
    return chunk
  }

  /** The oldest gathered chunk, in a buffer of its own. */
  #takeGathered(): Uint8Array {
    const { bytes, length } = this.#gathered.shift()!
    this.#heldBytes -= bytes.length
    if (this.isEmpty) this.#chunkBytes = gatheredChunkBytesMin
    return length === bytes.length ? bytes : bytes.slice(0, length)
  }
}
