/**
 * Putting frames together from the fragments in channel messages (rules FR4 and FR5 of
 * docs/specs/link.md).
 *
 * Holds at most one unfinished frame of each priority, each no longer than `bodyBytesMax`; a
 * fragment that breaks a rule is a fault, after which nothing more is given.
 */

import { ByteReader } from '../bytes/reader.ts'
import { decodeFragmentHeader } from './frame.ts'
import type { FragmentHeader, IncomingFrame, PriorityIndex } from './frame.ts'

/** What was wrong with a message. */
export type FrameFault =
  /** A fragment's length is missing, malformed or beyond the message. */
  | 'truncated'
  /** A frame is longer than it may be. */
  | 'too-long'
  /** A first fragment inside an unfinished frame, or a later one without its first. */
  | 'out-of-order'

interface UnfinishedFrame {
  readonly kindCode: number
  buffer: Uint8Array
  length: number
}

/** Longest a growing buffer starts with, in bytes: a lying peer costs what it sends, not more. */
const initialBytes = 1024

/** Reads the messages of one channel: `load` one, then `next` until it gives nothing. */
export class FrameReassembler {
  /** Largest body that is accepted, in bytes; raised once the neighbour is known. */
  bodyBytesMax: number
  #reader = new ByteReader(new Uint8Array(0))
  #fault: FrameFault | undefined
  readonly #unfinished: (UnfinishedFrame | undefined)[] = [
    undefined,
    undefined,
    undefined,
    undefined,
  ]

  constructor(bodyBytesMax: number) {
    this.bodyBytesMax = bodyBytesMax
  }

  /** The first broken rule, if any. */
  get fault(): FrameFault | undefined {
    return this.#fault
  }

  /** A frame of that priority has begun and not ended. */
  isUnderWay(priority: PriorityIndex): boolean {
    return this.#unfinished[priority] !== undefined
  }

  /** Bytes held for unfinished frames. */
  get heldBytes(): number {
    return this.#unfinished.reduce((sum, entry) => sum + (entry?.buffer.length ?? 0), 0)
  }

  /** Takes the next message; frames in it may be views of it. */
  load(message: Uint8Array): void {
    this.#reader = new ByteReader(message)
  }

  /** The next whole frame of the message. */
  next(): IncomingFrame | undefined {
    const reader = this.#reader
    while (this.#fault === undefined && reader.remaining > 0) {
      const header = decodeFragmentHeader(reader.u8())
      const fragment = reader.bytes(Number.MAX_SAFE_INTEGER)
      if (reader.failed) this.#fault = 'truncated'
      else {
        const frame = this.#take(header, fragment)
        if (frame) return frame
      }
    }
    return undefined
  }

  #take(header: FragmentHeader, fragment: Uint8Array): IncomingFrame | undefined {
    const { kindCode, priority } = header
    const unfinished = this.#unfinished[priority]
    if (
      header.first === (unfinished !== undefined) ||
      (unfinished?.kindCode ?? kindCode) !== kindCode
    ) {
      this.#fault = 'out-of-order'
      return undefined
    }
    if ((unfinished?.length ?? 0) + fragment.length > this.bodyBytesMax) {
      this.#fault = 'too-long'
      return undefined
    }
    if (!unfinished && header.last) return { kindCode, priority, body: fragment }
    const entry = unfinished ?? { kindCode, buffer: new Uint8Array(initialBytes), length: 0 }
    append(entry, fragment, this.bodyBytesMax)
    this.#unfinished[priority] = header.last ? undefined : entry
    if (!header.last) return undefined
    return { kindCode, priority, body: entry.buffer.subarray(0, entry.length) }
  }
}

function append(entry: UnfinishedFrame, fragment: Uint8Array, bytesMax: number): void {
  const needed = entry.length + fragment.length
  if (needed > entry.buffer.length) {
    const grown = new Uint8Array(Math.min(bytesMax, Math.max(needed, entry.buffer.length * 2)))
    grown.set(entry.buffer.subarray(0, entry.length))
    entry.buffer = grown
  }
  entry.buffer.set(fragment, entry.length)
  entry.length = needed
}
