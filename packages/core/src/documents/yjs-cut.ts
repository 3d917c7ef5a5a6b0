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
  /** Where the next unit begins in the content. */
  #position: number
  /** Units taken so far. */
  #offset = 0

  constructor(update: Uint8Array, client: number, struct: ParsedStruct) {
    this.#client = client
    this.#struct = struct
    this.#kind = struct.info & contentMask
    this.#head = update.subarray(struct.start, struct.contentStart)
    this.#content = update.subarray(struct.contentStart, struct.end)
    const reader = new ByteReader(this.#content)
    reader.varint()
    this.#position = this.#content.length - reader.remaining
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

  #writeHead(writer: ByteWriter, clock: number): void {
    const { info, rightOrigin } = this.#struct
    writer
      .u8(info | originFlag)
      .varint(this.#client)
      .varint(clock - 1)
    if (rightOrigin !== undefined) writer.varint(rightOrigin.client).varint(rightOrigin.clock)
  }

  /** Goes over whole characters or values up to `limit`, at least one; the units they are. */
  #take(limit: number): number {
    return this.#kind === contentKind.string ? this.#takeText(limit) : this.#takeValues(limit)
  }

  #takeText(limit: number): number {
    const content = this.#content
    const first = this.#position
    let position = first
    let units = 0
    while (position < content.length) {
      const lead = content[position]!
      const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
      if (position > first && position + length > limit) break
      position += length
      units += length === 4 ? 2 : 1
    }
    this.#position = position
    return units
  }

  #takeValues(limit: number): number {
    const reader = new ByteReader(this.#content.subarray(this.#position))
    let units = 0
    while (this.#offset + units < this.#struct.length) {
      if (this.#kind === contentKind.any) skipAny(reader, 0)
      else skipJson(reader, 'or-undefined')
      const next = this.#content.length - reader.remaining
      if (units > 0 && next > limit) break
      this.#position = next
      units += 1
    }
    return units
  }
}
