/**
 * The sending half of a stream: bytes by offset, kept until acknowledged, and its end (rules ST1, ST5
 * and ST15).
 *
 * Invariant: every byte below `writtenEnd` is unsent, in flight, waiting to be sent again, or
 * acknowledged. Bytes are kept as they were given, not copied; a chunk of them is freed once all of
 * it is acknowledged, whatever is missing before it.
 */

import { assert } from '../assert.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { RangeSet } from './range-set.ts'

/** Chunks below this are gathered in shared ones; larger ones are kept as they were given. */
const gatheredBytesMax = 2048

/** Shared chunks begin small, since most streams of small messages carry few, and double. */
const gatheringChunkBytesMin = 256
const gatheringChunkBytes = 8192

const freed = new Uint8Array(0)

interface Chunk {
  readonly offset: number
  /** Empty once acknowledged. */
  bytes: Uint8Array
  /** Bytes of it in use; the rest is room for the next small ones. */
  length: number
}

/** A piece of a stream to put in a packet. */
export interface StreamPiece {
  readonly offset: number
  readonly length: number
  /** The stream ends where the piece does. */
  readonly fin: boolean
}

/** The states of RFC 9000, section 3.1; Ready and Send are one. */
export type SendState = 'send' | 'data-sent' | 'data-received' | 'reset-sent' | 'reset-received'

/** One direction of one stream. */
export class SendStream {
  readonly id: number
  /** Those not acknowledged in full, and what is between them, by offset. */
  #chunks: Chunk[] = []
  #chunkHead = 0
  #gatheringBytes = gatheringChunkBytesMin
  #heldBytes = 0
  #writtenEnd = 0
  #sentEnd = 0
  #limit: number
  #state: SendState = 'send'
  /** Where the end stands in state `data-sent`. */
  #fin: 'due' | 'in-flight' | 'acknowledged' = 'due'
  readonly #acknowledged = new RangeSet()
  readonly #lost = new RangeSet()

  /** `limit`: how far the peer's first credit reaches. */
  constructor(id: number, limit: number) {
    this.id = id
    this.#limit = limit
  }

  get state(): SendState {
    return this.#state
  }

  /** Bytes written and never sent. */
  get unsentBytes(): number {
    return this.#writtenEnd - this.#sentEnd
  }

  /** Bytes in memory. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** End of what was ever sent: what counts against the connection's credit, and a reset's final size. */
  get sentEnd(): number {
    return this.#sentEnd
  }

  /** How much of the peer's credit is left; never negative (ST5). */
  get unusedCreditBytes(): number {
    return this.#limit - this.#sentEnd
  }

  /** Appends bytes, which must not change from now on. Only in state `send`. */
  write(bytes: Uint8Array): void {
    assert(this.#state === 'send', 'only an open stream takes bytes')
    if (bytes.length >= gatheredBytesMax) this.#push(bytes, bytes.length)
    else this.#gather(bytes)
  }

  /** No more bytes follow. */
  finish(): void {
    if (this.#state === 'send') this.#state = 'data-sent'
  }

  /** Gives up what was not acknowledged; false when the stream is over already. */
  reset(): boolean {
    if (this.#state !== 'send' && this.#state !== 'data-sent') return false
    this.#state = 'reset-sent'
    this.#writtenEnd = this.#sentEnd
    this.#chunks = []
    this.#chunkHead = 0
    this.#heldBytes = 0
    this.#lost.clear()
    this.#acknowledged.clear()
    return true
  }

  /** The peer knows of the reset. */
  resetAcknowledged(): void {
    if (this.#state === 'reset-sent') this.#state = 'reset-received'
  }

  /** The peer's credit; limits never shrink (ST5). */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  /** Something to send, given that much of the connection's credit for bytes never sent before. */
  canSend(connectionCredit: number): boolean {
    if (this.#lost.size > 0) return true
    if (this.#sentEnd < this.#writtenEnd) {
      return connectionCredit > 0 && this.#sentEnd < this.#limit
    }
    return this.#state === 'data-sent' && this.#fin === 'due'
  }

  /** What is to be sent may wait for more: it is not what opens, repeats or ends the stream. */
  get mayGather(): boolean {
    return this.#state === 'send' && this.#sentEnd > 0 && this.#lost.size === 0
  }

  /** Bytes never sent that may be sent now, given that much of the connection's credit. */
  freshBytes(connectionCredit: number): number {
    const end = Math.min(this.#writtenEnd, this.#limit, this.#sentEnd + connectionCredit)
    return Math.max(0, end - this.#sentEnd)
  }

  /** The next piece to send, what was lost first; the caller sends it, or tells `lost`. */
  takePiece(lengthMax: number, connectionCredit: number): StreamPiece | undefined {
    const lost = this.#lost.first()
    if (lost !== undefined) {
      const length = Math.min(lost.end - lost.start, lengthMax)
      this.#lost.remove(lost.start, lost.start + length)
      return this.#piece(lost.start, length)
    }
    if (!this.canSend(connectionCredit)) return undefined
    const offset = this.#sentEnd
    const length = Math.min(this.freshBytes(connectionCredit), lengthMax)
    this.#sentEnd += length
    return this.#piece(offset, length)
  }

  /** Appends the bytes of a piece to a packet: the one copy that is made of them here. */
  writePiece(piece: StreamPiece, writer: ByteWriter): void {
    let offset = piece.offset
    const end = piece.offset + piece.length
    for (let index = this.#chunkAt(offset); offset < end; index += 1) {
      const chunk = this.#chunks[index]
      assert(chunk !== undefined && chunk.bytes !== freed, 'bytes are kept until acknowledged')
      const from = offset - chunk.offset
      const to = Math.min(chunk.length, end - chunk.offset)
      writer.raw(chunk.bytes.subarray(from, to))
      offset = chunk.offset + to
    }
  }

  /** The peer has the piece. */
  acknowledged(piece: StreamPiece): void {
    if (this.#state !== 'send' && this.#state !== 'data-sent') return
    const end = piece.offset + piece.length
    if (piece.fin) this.#fin = 'acknowledged'
    if (this.#acknowledged.add(piece.offset, end) > 0) {
      this.#lost.remove(piece.offset, end)
      this.#free(piece.offset, end)
    }
    if (this.#state !== 'data-sent' || this.#fin !== 'acknowledged') return
    const first = this.#acknowledged.first()
    const prefixEnd = first?.start === 0 ? first.end : 0
    if (prefixEnd === this.#writtenEnd) this.#state = 'data-received'
  }

  /** The piece has to be sent again, but for what has been acknowledged meanwhile. */
  lost(piece: StreamPiece): void {
    if (this.#state !== 'send' && this.#state !== 'data-sent') return
    if (piece.fin && this.#fin === 'in-flight') this.#fin = 'due'
    const end = piece.offset + piece.length
    let offset = piece.offset
    while (offset < end) {
      const known = this.#acknowledged.firstEndingAfter(offset)
      const gapEnd = Math.min(end, known?.start ?? end)
      this.#lost.add(offset, gapEnd)
      offset = Math.max(gapEnd, known?.end ?? end)
    }
  }

  /** Whatever was sent and is not acknowledged has to be sent again: nobody will hear of it any more. */
  everythingInFlightIsLost(): void {
    const hasFin = this.#fin === 'in-flight'
    this.lost({ offset: 0, length: this.#sentEnd, fin: hasFin })
  }

  #piece(offset: number, length: number): StreamPiece {
    const fin = this.#state === 'data-sent' && offset + length === this.#writtenEnd
    if (fin && this.#fin === 'due') this.#fin = 'in-flight'
    return { offset, length, fin }
  }

  #gather(bytes: Uint8Array): void {
    let last = this.#chunks.at(-1)
    if (last === undefined || last.bytes.length - last.length < bytes.length) {
      const size = Math.max(bytes.length, this.#gatheringBytes)
      this.#gatheringBytes = Math.min(this.#gatheringBytes * 2, gatheringChunkBytes)
      last = this.#push(new Uint8Array(size), 0)
    }
    last.bytes.set(bytes, last.length)
    last.length += bytes.length
    this.#writtenEnd += bytes.length
  }

  #push(bytes: Uint8Array, length: number): Chunk {
    const chunk = { offset: this.#writtenEnd, bytes, length }
    this.#chunks.push(chunk)
    this.#heldBytes += bytes.length
    this.#writtenEnd += length
    return chunk
  }

  /** Frees the chunks that a newly acknowledged range has completed. */
  #free(start: number, end: number): void {
    const range = this.#acknowledged.firstEndingAfter(start)!
    for (let index = this.#chunkAt(start); index < this.#chunks.length; index += 1) {
      const chunk = this.#chunks[index]!
      if (chunk.offset >= end) break
      if (chunk.offset < range.start || chunk.offset + chunk.length > range.end) continue
      this.#heldBytes -= chunk.bytes.length
      chunk.bytes = freed
    }
    while (this.#chunks[this.#chunkHead]?.bytes === freed) this.#chunkHead += 1
    // Whoever writes little at a time, and waits for an answer each time, needs no large chunks.
    if (this.#heldBytes === 0) this.#gatheringBytes = gatheringChunkBytesMin
    // Moving the rest down only when half the array is spent keeps this linear overall.
    if (this.#chunkHead * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#chunkHead)
      this.#chunkHead = 0
    }
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
