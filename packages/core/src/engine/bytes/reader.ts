/**
 * Reading wire bytes from a peer: never throws, never reads or allocates beyond the input.
 *
 * Failure is sticky: after the first field that is not there, every read gives zero or nothing and
 * `failed` stays true. A decoder reads its fields, then asks `failed` once; a loop over a count
 * from the wire asks it in each round.
 */

import { decodeUtf8 } from './utf8.ts'

const empty = new Uint8Array(0)

/** Reads the fields that `ByteWriter` writes. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** A field was missing, malformed or beyond its bound. */
  get failed(): boolean {
    return this.#failed
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  /** Everything was read and nothing failed. */
  get finished(): boolean {
    return !this.#failed && this.remaining === 0
  }

  /** Marks the input as malformed, for rules that the field types cannot express. */
  fail(): void {
    this.#failed = true
  }

  u8(): number {
    if (this.#failed || this.remaining < 1) return this.#failNumber()
    return this.#bytes[this.#offset++] ?? 0
  }

  u16(): number {
    if (this.#failed || this.remaining < 2) return this.#failNumber()
    return (this.u8() << 8) | this.u8()
  }

  u32(): number {
    if (this.#failed || this.remaining < 4) return this.#failNumber()
    return this.u16() * 0x1_0000 + this.u16()
  }

  /** An integer up to `max`; fails when larger, longer than 8 bytes or padded (one form a number). */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8()
      if (this.#failed) return 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        const padded = byte === 0 && count > 0
        return padded || value > max ? this.#failNumber() : value
      }
      scale *= 0x80
    }
    return this.#failNumber()
  }

  /** Exactly `length` bytes, as a view into the input. */
  raw(length: number): Uint8Array {
    if (this.#failed || length > this.remaining) {
      this.#failed = true
      return empty
    }
    this.#offset += length
    return this.#bytes.subarray(this.#offset - length, this.#offset)
  }

  /** Bytes with their length before them, at most `lengthMax`, as a view into the input. */
  bytes(lengthMax: number): Uint8Array {
    return this.raw(this.varint(lengthMax))
  }

  /** Text with its length in bytes before it; fails on malformed UTF-8. */
  text(lengthBytesMax: number): string {
    const text = decodeUtf8(this.bytes(lengthBytesMax))
    if (text === undefined) this.#failed = true
    return text ?? ''
  }

  /** Whatever is left, as a view into the input. */
  rest(): Uint8Array {
    return this.raw(this.remaining)
  }

  #failNumber(): number {
    this.#failed = true
    return 0
  }
}
