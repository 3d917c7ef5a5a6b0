/**
 * Cutting frames into fragments and filling channel messages with them (rules FR4 and FR5 of
 * docs/specs/link.md).
 *
 * Each message is filled by priority: a waiting frame of higher priority goes before the rest of
 * one that has begun. At most one frame of each priority is under way.
 */

import { ByteWriter } from '../bytes/writer.ts'
import { encodeFragmentHeader, frameKindCodes, priorityIndexes } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FrameCipher } from './frame-cipher.ts'

/** Gives the next frame of a priority, or nothing. Called only when it will be sent. */
export type FrameSource = (priority: PriorityIndex) => OutgoingFrame | undefined

/** A frame that is partly sent. */
interface FrameUnderWay {
  readonly frame: OutgoingFrame
  readonly body: Uint8Array
  sentBytes: number
}

/**
 * Smallest beginning of a frame that is worth adding to a message that has others, in bytes; a
 * smaller one would cost each end more work than the room is worth.
 */
const fragmentBytesMin = 64

/** Fills the messages of one channel. */
export class FramePacker {
  readonly #cipher: FrameCipher
  readonly #underWay: (FrameUnderWay | undefined)[] = [undefined, undefined, undefined, undefined]

  constructor(cipher: FrameCipher) {
    this.#cipher = cipher
  }

  /**
   * The next message, of at most `messageBytesMax` bytes, from frames of the priorities up to
   * `lowest`; `undefined` when there is nothing to send.
   */
  pack(
    messageBytesMax: number,
    lowest: PriorityIndex,
    source: FrameSource,
  ): Uint8Array | undefined {
    const writer = new ByteWriter(Math.min(messageBytesMax, 1024))
    for (const priority of priorityIndexes) {
      if (priority > lowest) break
      for (;;) {
        const roomBytes = messageBytesMax - writer.length
        // A header, a length and one byte.
        if (roomBytes < 3) return writer.finish()
        const entry = this.#underWay[priority] ?? this.#begin(priority, source(priority))
        if (!entry) break
        if (!this.#add(writer, priority, entry, roomBytes)) return writer.finish()
      }
    }
    return writer.length === 0 ? undefined : writer.finish()
  }

  /** A frame of that priority has begun and not ended. */
  isUnderWay(priority: PriorityIndex): boolean {
    return this.#underWay[priority] !== undefined
  }

  /** Gives up the frame under way at that priority, for another channel to send from its start. */
  takeBack(priority: PriorityIndex): OutgoingFrame | undefined {
    const frame = this.#underWay[priority]?.frame
    this.#underWay[priority] = undefined
    return frame
  }

  #begin(priority: PriorityIndex, frame: OutgoingFrame | undefined): FrameUnderWay | undefined {
    if (!frame) return undefined
    const body = this.#cipher.seal(frameKindCodes[frame.kind], priority, frame.payload)
    const entry = { frame, body, sentBytes: 0 }
    this.#underWay[priority] = entry
    return entry
  }

  /** False when the message is better sent without more of it. */
  #add(
    writer: ByteWriter,
    priority: PriorityIndex,
    entry: FrameUnderWay,
    roomBytes: number,
  ): boolean {
    const { body } = entry
    const restBytes = body.length - entry.sentBytes
    const fitsBytes = fragmentFit(roomBytes)
    const last = restBytes <= fitsBytes
    if (!last && writer.length > 0 && fitsBytes < fragmentBytesMin) return false
    const length = last ? restBytes : fitsBytes
    const kindCode = frameKindCodes[entry.frame.kind]
    const first = entry.sentBytes === 0
    writer.u8(encodeFragmentHeader({ kindCode, priority, first, last }))
    writer.bytes(body.subarray(entry.sentBytes, entry.sentBytes + length))
    entry.sentBytes += length
    if (last) this.#underWay[priority] = undefined
    return true
  }
}

/** Bytes of a body that fit beside header and length. */
function fragmentFit(roomBytes: number): number {
  if (roomBytes - 2 < 0x80) return roomBytes - 2
  return roomBytes - 3 < 0x4000 ? roomBytes - 3 : roomBytes - 4
}
