/**
 * The sending half of a stream: messages queued as bytes by offset, kept until acknowledged.
 *
 * Invariant: every byte below `queuedEnd` is unsent, in flight, waiting to be sent again, or
 * acknowledged; bytes are freed, in order, once acknowledged (rules ST1, ST9).
 */

import { assert } from '../assert.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { RangeSet } from './range-set.ts'

/** A stream takes messages while it holds less than this unsent. */
export const unsentBytesMax = 1024 * 1024

/** Messages below this are gathered in shared chunks; larger ones are kept as they were given. */
const gatheredBytesMax = 2048

/** Size of a shared chunk. */
const gatheringChunkBytes = 8192

interface Chunk {
  readonly offset: number
  readonly bytes: Uint8Array
  /** Bytes of it in use; the rest is room for the next small message. */
  length: number
}

/** A piece of a stream to put in a packet. */
export interface StreamPiece {
  readonly offset: number
  readonly length: number
}

/** One direction of one stream. */
export class SendStream {
  readonly id: number
  /** Those not entirely acknowledged, by offset. */
  #chunks: Chunk[] = []
  #chunkHead = 0
  #queuedEnd = 0
  #sentEnd = 0
  #limit: number
  readonly #acknowledged = new RangeSet()
  readonly #lost = new RangeSet()
  /** A message was refused, and nobody has been told that there is room again. */
  #refused = false

  /** `limit`: how far the peer's first credit reaches. */
  constructor(id: number, limit: number) {
    this.id = id
    this.#limit = limit
  }

  /** Bytes queued and never sent. */
  get unsentBytes(): number {
    return this.#queuedEnd - this.#sentEnd
  }

  /** Bytes in memory. */
  get heldBytes(): number {
    let held = 0
    for (let index = this.#chunkHead; index < this.#chunks.length; index += 1) {
      held += this.#chunks[index]!.bytes.length
    }
    return held
  }

  /** End of what was ever sent: what counts against the connection's credit. */
  get sentEnd(): number {
    return this.#sentEnd
  }

  /** Queues one message, with its length before it; false, and nothing taken, when full. */
  queue(message: Uint8Array): boolean {
    if (this.unsentBytes >= unsentBytesMax) {
      this.#refused = true
      return false
    }
    const head = new ByteWriter(4).varint(message.length).finish()
    this.#append(head)
    this.#append(message)
    return true
  }

  /** True once after a refusal, when there is room again. */
  takeWritable(): boolean {
    if (!this.#refused || this.unsentBytes >= unsentBytesMax) return false
    this.#refused = false
    return true
  }

  /** The peer's credit; limits never shrink (ST5). */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  /** Something to send, given that much of the connection's credit for bytes never sent before. */
  canSend(connectionCredit: number): boolean {
    if (this.#lost.size > 0) return true
    return connectionCredit > 0 && this.#sentEnd < Math.min(this.#queuedEnd, this.#limit)
  }

  /** The next piece to send, what was lost first; the caller sends it, or tells `lost`. */
  takePiece(lengthMax: number, connectionCredit: number): StreamPiece | undefined {
    const lost = this.#lost.first()
    if (lost !== undefined) {
      const length = Math.min(lost.end - lost.start, lengthMax)
      this.#lost.remove(lost.start, lost.start + length)
      return { offset: lost.start, length }
    }
    const end = Math.min(this.#queuedEnd, this.#limit, this.#sentEnd + connectionCredit)
    const length = Math.min(end - this.#sentEnd, lengthMax)
    if (length <= 0) return undefined
    const offset = this.#sentEnd
    this.#sentEnd += length
    return { offset, length }
  }

  /** Appends the bytes of a piece to a packet. */
  writePiece(piece: StreamPiece, writer: ByteWriter): void {
    let offset = piece.offset
    const end = piece.offset + piece.length
    for (let index = this.#chunkAt(offset); offset < end; index += 1) {
      const chunk = this.#chunks[index]
      assert(chunk !== undefined, 'bytes are kept until acknowledged')
      const from = offset - chunk.offset
      const to = Math.min(chunk.length, end - chunk.offset)
      writer.raw(chunk.bytes.subarray(from, to))
      offset = chunk.offset + to
    }
  }

  /** The peer has the piece. */
  acknowledged(piece: StreamPiece): void {
    const end = piece.offset + piece.length
    this.#acknowledged.add(piece.offset, end)
    this.#lost.remove(piece.offset, end)
    const prefix = this.#acknowledged.first()
    if (prefix === undefined || prefix.start > 0) return
    while (this.#chunkHead < this.#chunks.length) {
      const chunk = this.#chunks[this.#chunkHead]!
      if (chunk.offset + chunk.length > prefix.end) break
      this.#chunkHead += 1
    }
    // Moving the rest down only when half the array is spent keeps this linear overall.
    if (this.#chunkHead * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#chunkHead)
      this.#chunkHead = 0
    }
  }

  /** The piece has to be sent again, but for what has been acknowledged meanwhile. */
  lost(piece: StreamPiece): void {
    const end = piece.offset + piece.length
    this.#lost.add(piece.offset, end)
    for (let index = this.#acknowledged.size - 1; index >= 0; index -= 1) {
      const range = this.#acknowledged.at(index)
      if (range.end <= piece.offset) break
      this.#lost.remove(range.start, range.end)
    }
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length >= gatheredBytesMax) {
      this.#push(bytes, bytes.length)
      return
    }
    let last = this.#chunks.at(-1)
    if (
      last === undefined ||
      this.#chunkHead === this.#chunks.length ||
      last.bytes.length - last.length < bytes.length
    ) {
      last = this.#push(new Uint8Array(gatheringChunkBytes), 0)
    }
    last.bytes.set(bytes, last.length)
    last.length += bytes.length
    this.#queuedEnd += bytes.length
  }

  #push(bytes: Uint8Array, length: number): Chunk {
    const chunk = { offset: this.#queuedEnd, bytes, length }
    this.#chunks.push(chunk)
    this.#queuedEnd += length
    return chunk
  }

  /** Index of the chunk that holds the byte at `offset`. */
  #chunkAt(offset: number): number {
    let low = this.#chunkHead
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#chunks[middle]!.offset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
