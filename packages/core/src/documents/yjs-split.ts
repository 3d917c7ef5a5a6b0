/**
 * Cutting a Yjs update into small ones, because merging one update cannot be interrupted.
 *
 * The parts are in causal order: each refers only to what it holds, to parts before it, and to what
 * the whole refers to outside itself. Long runs of text and values are cut by clock, never inside a
 * surrogate pair; deletions come last. Applying the parts in order gives the same document as
 * applying the whole, and nothing waits for a later part. Rule DO10 of docs/specs/documents.md.
 */

import { assert } from '../engine/assert.ts'
import { causalOrder } from './yjs-order.ts'
import { UpdatePart } from './yjs-part.ts'
import { ItemCutter, isCuttable } from './yjs-cut.ts'
import { parseUpdate, type ParsedStruct } from './yjs-update.ts'

/** Shorter pieces than this are not cut off a run just to fill a part. */
const pieceBytesMin = 1024

/**
 * Splits a well-formed update into parts of at most `bytesMax` bytes. A part holds more only where
 * a single item that cannot be cut (bytes, an embed, a format, one value) is larger itself.
 */
export function splitUpdate(update: Uint8Array, bytesMax: number): Uint8Array[] {
  if (update.length <= bytesMax) return [update]
  const parsed = parseUpdate(update)
  assert(parsed !== undefined, 'only well-formed updates are split')
  const splitter = new Splitter(update, bytesMax)
  causalOrder(parsed.clients, (client, struct) => splitter.addStruct(client, struct))
  for (const { client, ranges } of parsed.deletes) {
    for (const { clock, length } of ranges) splitter.addDeletion(client, clock, length)
  }
  return splitter.finish()
}

class Splitter {
  readonly #update: Uint8Array
  readonly #bytesMax: number
  readonly #parts: Uint8Array[] = []
  #part = new UpdatePart()

  constructor(update: Uint8Array, bytesMax: number) {
    this.#update = update
    this.#bytesMax = bytesMax
  }

  addStruct(client: number, struct: ParsedStruct): void {
    const bytes = this.#update.subarray(struct.start, struct.end)
    if (this.#part.bytesWith(client, bytes.length) <= this.#bytesMax) {
      this.#part.addStruct(client, struct.clock, bytes)
      return
    }
    if (isCuttable(struct) && bytes.length > pieceBytesMin) {
      this.#addPieces(client, struct)
      return
    }
    this.#flush()
    this.#part.addStruct(client, struct.clock, bytes)
  }

  addDeletion(client: number, clock: number, length: number): void {
    if (this.#part.bytesWithDeletion(client) > this.#bytesMax) this.#flush()
    this.#part.addDeletion(client, clock, length)
  }

  finish(): Uint8Array[] {
    this.#flush()
    return this.#parts
  }

  #addPieces(client: number, struct: ParsedStruct): void {
    const cutter = new ItemCutter(this.#update, client, struct)
    while (!cutter.done) {
      const room = this.#bytesMax - this.#part.bytesWith(client, 0)
      if (room < pieceBytesMin && !this.#part.empty) {
        this.#flush()
        continue
      }
      const piece = cutter.next(room)
      // One value that is larger than the room left gets a part of its own.
      if (piece.bytes.length > room && !this.#part.empty) this.#flush()
      this.#part.addStruct(client, piece.clock, piece.bytes)
    }
  }

  #flush(): void {
    if (this.#part.empty) return
    this.#parts.push(this.#part.encode())
    this.#part = new UpdatePart()
  }
}
