/**
 * The receiving half of a message sequence: takes messages in any order and gives their contents
 * once each, in order (rules LK18 and LK21 of docs/specs/link.md).
 *
 * Invariants: nothing below `next` is held; what is held lies less than `windowMessagesMax` above it
 * and takes at most `heldBytesMax`. What was taken is never forgotten before it is delivered, so an
 * acknowledgement is never taken back.
 */

import { Fifo } from '../fifo.ts'
import { PartAssembly } from './part-assembly.ts'
import type { OffsetRange } from './sequence-header.ts'

/**
 * Sequences that may be under way at once: at 20 bytes a message 40 kB, twice what a GATT link has
 * under way in a second; at 1,200 bytes far more than the window in bytes allows.
 */
export const windowMessagesMax = 2048

/** Bytes that wait for an earlier message; twice what a sender may have unacknowledged. */
export const heldBytesMax = 1024 * 1024

/** The same from a stranger: a handshake is two messages of a few hundred bytes each way. */
export const strangerHeldBytesMax = 8 * 1024

/** What a held message counts besides its contents, in bytes. */
const heldOverheadBytes = 64

/** What became of a message. `part`: nothing is complete yet. */
export type Intake = 'taken' | 'part' | 'duplicate' | 'refused'

/** See the file header. */
export class ReceiveSequence {
  /** Bound of what is held; raised once the neighbour is proven. */
  heldBytesMax = strangerHeldBytesMax
  #next = 0
  #end = 0
  #heldBytes = 0
  #rangeTurn = 0
  readonly #held = new Map<number, Uint8Array>()
  readonly #parts = new Map<number, PartAssembly>()
  /** One bit for each sequence of the window, by its remainder: it is held. */
  readonly #heldBits = new Uint32Array(windowMessagesMax / 32)
  readonly #ready = new Fifo<Uint8Array>()

  /** The lowest sequence that has not arrived. */
  get next(): number {
    return this.#next
  }

  /** The sequence after the highest that has arrived. */
  get end(): number {
    return this.#end
  }

  /** Bytes that wait for an earlier message, each message with its overhead. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Something beyond a gap has arrived. */
  get hasGap(): boolean {
    return this.#held.size > 0
  }

  /** The next contents in order. */
  take(): Uint8Array | undefined {
    return this.#ready.shift()
  }

  /** A message with whole contents arrived; they are kept as they are. */
  receive(sequence: number, contents: Uint8Array): Intake {
    const refusal = this.#refusal(sequence)
    if (refusal !== undefined) return refusal
    if (sequence > this.#next && !this.#fits(contents.length)) return 'refused'
    this.#dropParts(sequence)
    this.#complete(sequence, contents)
    return 'taken'
  }

  /** A message with a part of the contents arrived, which lies within `totalBytes`. */
  receivePart(sequence: number, offset: number, totalBytes: number, part: Uint8Array): Intake {
    const refusal = this.#refusal(sequence)
    if (refusal !== undefined) return refusal
    let assembly = this.#parts.get(sequence)
    if (!assembly) {
      if (!this.#fits(totalBytes)) return 'refused'
      assembly = new PartAssembly(totalBytes)
      this.#parts.set(sequence, assembly)
      this.#heldBytes += totalBytes + heldOverheadBytes
    }
    if (assembly.bytes.length !== totalBytes || !assembly.add(offset, part)) return 'refused'
    if (!assembly.isComplete) return 'part'
    this.#dropParts(sequence)
    this.#complete(sequence, assembly.bytes)
    return 'taken'
  }

  /**
   * What has arrived beyond the first gap, highest first, as offsets from `next`. Where there are more
   * ranges than `countMax`, half of them are the highest, and the others take turns.
   */
  ranges(countMax: number): OffsetRange[] {
    const all = this.#allRanges()
    if (all.length <= countMax) return all
    const highestCount = Math.ceil(countMax / 2)
    const turnCount = countMax - highestCount
    const others = all.length - highestCount
    const turn = highestCount + (this.#rangeTurn % others)
    this.#rangeTurn = (this.#rangeTurn + turnCount) % others
    return [...all.slice(0, highestCount), ...all.slice(turn, turn + turnCount)]
  }

  #allRanges(): OffsetRange[] {
    const ranges: OffsetRange[] = []
    let end: number | undefined
    for (let sequence = this.#end - 1; sequence >= this.#next; sequence -= 1) {
      const isHeld = this.#isHeld(sequence)
      if (isHeld) end ??= sequence + 1
      else if (end !== undefined) {
        ranges.push({ start: sequence + 1 - this.#next, end: end - this.#next })
        end = undefined
      }
    }
    return ranges
  }

  #refusal(sequence: number): Intake | undefined {
    if (sequence < this.#next || this.#held.has(sequence)) return 'duplicate'
    return sequence >= this.#next + windowMessagesMax ? 'refused' : undefined
  }

  #fits(bytes: number): boolean {
    return this.#heldBytes + bytes + heldOverheadBytes <= this.heldBytesMax
  }

  #dropParts(sequence: number): void {
    const assembly = this.#parts.get(sequence)
    if (!assembly) return
    this.#parts.delete(sequence)
    this.#heldBytes -= assembly.bytes.length + heldOverheadBytes
  }

  #complete(sequence: number, contents: Uint8Array): void {
    if (sequence > this.#next) {
      this.#held.set(sequence, contents)
      this.#heldBytes += contents.length + heldOverheadBytes
      this.#setHeld(sequence, true)
      this.#end = Math.max(this.#end, sequence + 1)
      return
    }
    this.#ready.push(contents)
    this.#next += 1
    for (let held = this.#held.get(this.#next); held; held = this.#held.get(this.#next)) {
      this.#held.delete(this.#next)
      this.#heldBytes -= held.length + heldOverheadBytes
      this.#setHeld(this.#next, false)
      this.#ready.push(held)
      this.#next += 1
    }
    this.#end = Math.max(this.#end, this.#next)
  }

  #isHeld(sequence: number): boolean {
    const place = sequence % windowMessagesMax
    return ((this.#heldBits[place >>> 5]! >>> (place & 31)) & 1) === 1
  }

  #setHeld(sequence: number, isHeld: boolean): void {
    const place = sequence % windowMessagesMax
    const bit = 1 << (place & 31)
    if (isHeld) this.#heldBits[place >>> 5]! |= bit
    else this.#heldBits[place >>> 5]! &= ~bit
  }
}
