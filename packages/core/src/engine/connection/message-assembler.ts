/**
 * Cuts the bytes of a stream into its messages: each is a length (varint) and that many bytes (ST3).
 *
 * Invariant: memory follows what has arrived, never what was announced: the buffer of an unfinished
 * message holds at most `growthFactor` times the bytes received of it.
 */

import { messageBytesMax } from './message-port.ts'

/** First allocation for a message that has not arrived whole. Most messages are smaller. */
const firstAllocationBytes = 64 * 1024

/** 4: a message of 16 MiB is copied by growth a third of a time over, in four steps. */
const growthFactor = 4

/** A length takes at most 4 bytes: 7 bits each cover `messageBytesMax`. */
const lengthBytesMax = 4

const empty = new Uint8Array(0)

/** One stream's unfinished message. */
export class MessageAssembler {
  #length = 0
  #lengthBytes = 0
  #lengthKnown = false
  #buffer = empty
  #filled = 0

  /** Bytes that the unfinished message occupies: at most `messageBytesMax`. */
  get allocatedBytes(): number {
    return this.#buffer.length
  }

  /**
   * Takes the next bytes of the stream and appends each message they complete to `messages`.
   * False when a length is 0, padded or beyond `messageBytesMax`: the stream cannot go on.
   */
  push(bytes: Uint8Array, messages: Uint8Array[]): boolean {
    let offset = 0
    while (offset < bytes.length) {
      if (!this.#lengthKnown) {
        if (!this.#takeLengthByte(bytes[offset]!)) return false
        offset += 1
        continue
      }
      const count = Math.min(bytes.length - offset, this.#length - this.#filled)
      this.#reserve(count)
      this.#buffer.set(bytes.subarray(offset, offset + count), this.#filled)
      this.#filled += count
      offset += count
      if (this.#filled < this.#length) continue
      messages.push(this.#buffer)
      this.#buffer = empty
      this.#filled = 0
      this.#length = 0
      this.#lengthBytes = 0
      this.#lengthKnown = false
    }
    return true
  }

  #takeLengthByte(byte: number): boolean {
    this.#length += (byte & 0x7f) * 0x80 ** this.#lengthBytes
    this.#lengthBytes += 1
    if (byte >= 0x80) return this.#lengthBytes < lengthBytesMax
    this.#lengthKnown = true
    return byte !== 0 && this.#length <= messageBytesMax
  }

  #reserve(count: number): void {
    const needed = this.#filled + count
    if (needed <= this.#buffer.length) return
    const wanted = Math.max(needed, firstAllocationBytes, this.#buffer.length * growthFactor)
    const grown = new Uint8Array(Math.min(this.#length, wanted))
    grown.set(this.#buffer.subarray(0, this.#filled))
    this.#buffer = grown
  }
}
