/** Building one Yjs update out of encoded structs and deletions. */

import { ByteWriter } from '../engine/bytes/writer.ts'

/** Most bytes of what stands before a client's structs or deletions: three long integers. */
const runHeaderBytesMax = 24

/** Most bytes of one deleted range: two long integers. */
const rangeBytesMax = 16

/** Most bytes of the numbers of clients, for structs and for deletions. */
const frameBytes = 16

interface Run {
  readonly clock: number
  readonly structs: Uint8Array[]
}

/** A part under construction: for each client one run of structs without holes. */
export class UpdatePart {
  readonly #runs = new Map<number, Run>()
  readonly #deletions = new Map<number, { clock: number; length: number }[]>()
  #bytes = frameBytes

  get empty(): boolean {
    return this.#runs.size === 0 && this.#deletions.size === 0
  }

  /** Upper bound of the part's size with a struct of that many bytes added. */
  bytesWith(client: number, structBytes: number): number {
    return this.#bytes + structBytes + (this.#runs.has(client) ? 0 : runHeaderBytesMax)
  }

  /** Upper bound of the part's size with one more deleted range. */
  bytesWithDeletion(client: number): number {
    return this.#bytes + rangeBytesMax + (this.#deletions.has(client) ? 0 : runHeaderBytesMax)
  }

  /** Adds the struct that begins at `clock`, where the client's run ended. */
  addStruct(client: number, clock: number, bytes: Uint8Array): void {
    this.#bytes = this.bytesWith(client, bytes.length)
    const run = this.#runs.get(client) ?? { clock, structs: [] }
    run.structs.push(bytes)
    this.#runs.set(client, run)
  }

  addDeletion(client: number, clock: number, length: number): void {
    this.#bytes = this.bytesWithDeletion(client)
    const ranges = this.#deletions.get(client) ?? []
    ranges.push({ clock, length })
    this.#deletions.set(client, ranges)
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(this.#bytes).varint(this.#runs.size)
    for (const [client, { clock, structs }] of this.#runs) {
      writer.varint(structs.length).varint(client).varint(clock)
      for (const struct of structs) writer.raw(struct)
    }
    writer.varint(this.#deletions.size)
    for (const [client, ranges] of this.#deletions) {
      writer.varint(client).varint(ranges.length)
      for (const { clock, length } of ranges) writer.varint(clock).varint(length)
    }
    return writer.finish()
  }
}
