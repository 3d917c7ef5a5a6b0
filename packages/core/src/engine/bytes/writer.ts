/** Building wire bytes: a growing buffer with the field types of docs/specs/link.md. */

import { encodeUtf8 } from './utf8.ts'

const initialBytes = 64

/** Appends fields; integers are big-endian, variable-length integers are unsigned LEB128. */
export class ByteWriter {
  #buffer: Uint8Array
  #length = 0

  constructor(capacityBytes = initialBytes) {
    this.#buffer = new Uint8Array(capacityBytes)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** One byte, 0 to 255. */
  u8(value: number): this {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
    return this
  }

  /** Two bytes, 0 to 65,535. */
  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 0xff)
  }

  /** Four bytes, 0 to 2^32 - 1. */
  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff)
  }

  /** An integer from 0 to 2^53 - 1, seven bits a byte, least significant first; 1 to 8 bytes. */
  varint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.u8(rest)
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** Bytes preceded by their length as a varint. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /** UTF-8 preceded by its length in bytes as a varint. */
  text(text: string): this {
    return this.bytes(encodeUtf8(text))
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  /** What was written, as a view that the next field written may change. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Starts over in the same buffer. */
  clear(): void {
    this.#length = 0
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}
