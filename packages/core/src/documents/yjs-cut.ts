/** Cutting one long item of a Yjs update by clock. */

import { ByteReader } from '../engine/bytes/reader.ts'
import { ByteWriter } from '../engine/bytes/writer.ts'
import { contentKind, contentMask, keyFlag, originFlag, type ParsedStruct } from './yjs-update.ts'
import { skipAny, skipJson } from './yjs-values.ts'

/** Units of an item as an item of their own. */
export interface Piece {
  readonly clock: number
  readonly bytes: Uint8Array
}

/** Most bytes of a piece beside its content: flags, two references, and a length. */
const pieceHeaderBytesMax = 1 + 4 * 8 + 8

/** Whether the item can be cut: a run of text or values in a list, not the value of a key. */
export function isCuttable(struct: ParsedStruct): boolean {
  if (struct.type !== 'item' || struct.length < 2 || (struct.info & keyFlag) !== 0) return false
  const kind = struct.info & contentMask
  return kind === contentKind.string || kind === contentKind.any || kind === contentKind.json
}

/** Takes a cuttable item apart from its first unit to its last; linear in its size. */
export class ItemCutter {
  readonly #client: number
  readonly #struct: ParsedStruct
  readonly #kind: number
  /** Flags and references of the item as they are. */
  readonly #head: Uint8Array
  readonly #content: Uint8Array
  readonly #reader: ByteReader
  /** Units taken so far. */
  #offset = 0

  constructor(update: Uint8Array, client: number, struct: ParsedStruct) {
    this.#client = client
    this.#struct = struct
    this.#kind = struct.info & contentMask
    this.#head = update.subarray(struct.start, struct.contentStart)
    this.#content = update.subarray(struct.contentStart, struct.end)
    this.#reader = new ByteReader(this.#content)
    this.#reader.varint()
  }

  get done(): boolean {
    return this.#offset >= this.#struct.length
  }

  /**
   * The next units that fit into `bytesMax`, at least one, as Yjs would have cut them off: all but
   * the first piece have the unit before them for their origin.
   */
  next(bytesMax: number): Piece {
    const header = this.#offset === 0 ? this.#head.length + 8 : pieceHeaderBytesMax
    const start = this.#position
    const clock = this.#struct.clock + this.#offset
    const units = this.#take(start + Math.max(1, bytesMax - header))
    const content = this.#content.subarray(start, this.#position)
    const writer = new ByteWriter(header + content.length)
    if (this.#offset === 0) writer.raw(this.#head)
    else this.#writeHead(writer, clock)
    writer.varint(this.#kind === contentKind.string ? content.length : units).raw(content)
    this.#offset += units
    return { clock, bytes: writer.finish() }
  }

  get #position(): number {
    return this.#content.length - this.#reader.remaining
  }

  #writeHead(writer: ByteWriter, clock: number): void {
    const { info, rightOrigin } = this.#struct
    writer
      .u8(info | originFlag)
      .varint(this.#client)
      .varint(clock - 1)
    if (rightOrigin !== undefined) writer.varint(rightOrigin.client).varint(rightOrigin.clock)
  }

  /** Reads whole characters or values up to `limit`, at least one; the units they are. */
  #take(limit: number): number {
    let units = 0
    while (this.#offset + units < this.#struct.length) {
      const length = this.#nextLength()
      if (units > 0 && this.#position + length > limit) break
      this.#reader.raw(length)
      units += this.#kind === contentKind.string && length === 4 ? 2 : 1
    }
    return units
  }

  /** Bytes of the next character or value. */
  #nextLength(): number {
    const position = this.#position
    if (this.#kind === contentKind.string) {
      const lead = this.#content[position]!
      return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    }
    const ahead = new ByteReader(this.#content.subarray(position))
    if (this.#kind === contentKind.any) skipAny(ahead, 0)
    else skipJson(ahead, 'or-undefined')
    return this.#content.length - position - ahead.remaining
  }
}
