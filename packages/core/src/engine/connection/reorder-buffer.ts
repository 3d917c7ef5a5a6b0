/**
 * Bytes of a stream that arrived before what precedes them: a ring of at most one stream window,
 * allocated only while there is a gap.
 */

import { RangeSet } from './range-set.ts'

/**
 * Separate runs of bytes that are kept. A sender has at most `packetsInFlightMax` packets under
 * way, so one that keeps to the rules never comes near; beyond it the connection closes (ST8).
 */
export const reorderedRunsMax = 4096

/** Allocations are powers of two from here, so that a small gap costs little. */
const capacityBytesMin = 4096

const emptyBytes = new Uint8Array(0)

/** The caller makes sure that every offset stays within one window of `readOffset`. */
export class ReorderBuffer {
  readonly #runs = new RangeSet()
  #ring = emptyBytes

  /** Bytes allocated. */
  get capacityBytes(): number {
    return this.#ring.length
  }

  get isEmpty(): boolean {
    return this.#runs.size === 0
  }

  /** Keeps bytes for later; false when there are too many separate runs. */
  write(readOffset: number, offset: number, data: Uint8Array): boolean {
    this.#reserve(readOffset, offset + data.length - readOffset)
    const capacity = this.#ring.length
    const at = offset % capacity
    const first = Math.min(data.length, capacity - at)
    this.#ring.set(data.subarray(0, first), at)
    this.#ring.set(data.subarray(first), 0)
    this.#runs.add(offset, offset + data.length)
    return this.#runs.size <= reorderedRunsMax
  }

  /**
   * The bytes that continue the stream at `readOffset`, as a view valid until the next `write`, and
   * forgets them and all before; empty when there is a gap. A run may come in two pieces.
   */
  read(readOffset: number): Uint8Array {
    this.#runs.remove(0, readOffset)
    const run = this.#runs.first()
    if (run === undefined || run.start > readOffset) return this.#releaseIfEmpty(emptyBytes)
    const at = readOffset % this.#ring.length
    const length = Math.min(run.end - readOffset, this.#ring.length - at)
    this.#runs.remove(readOffset, readOffset + length)
    return this.#releaseIfEmpty(this.#ring.subarray(at, at + length))
  }

  clear(): void {
    this.#runs.clear()
    this.#ring = emptyBytes
  }

  #releaseIfEmpty(view: Uint8Array): Uint8Array {
    if (this.#runs.size === 0) this.#ring = emptyBytes
    return view
  }

  #reserve(readOffset: number, bytes: number): void {
    if (bytes <= this.#ring.length) return
    let capacity = Math.max(capacityBytesMin, this.#ring.length)
    while (capacity < bytes) capacity *= 2
    const grown = new Uint8Array(capacity)
    const old = this.#ring
    for (let index = 0; index < this.#runs.size; index += 1) {
      const { start, end } = this.#runs.at(index)
      for (let offset = Math.max(start, readOffset); offset < end;) {
        const from = offset % old.length
        const to = offset % capacity
        const length = Math.min(end - offset, old.length - from, capacity - to)
        grown.set(old.subarray(from, from + length), to)
        offset += length
      }
    }
    this.#ring = grown
  }
}
