/**
 * Cutting frames into fragments and filling channel messages with them (rules FR4 and FR5 of
 * docs/specs/link.md).
 *
 * Each message is filled by priority: a waiting frame of higher priority goes before the rest of
 * one that has begun. At most one frame of each priority is under way. A message is planned before
 * it is written, so that its bytes are copied once, into an array of their size.
 */

import { encodeFragmentHeader, frameKindCodes, payloadBytesOf, priorityIndexes } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FrameBody, FrameCipher } from './frame-cipher.ts'

/** Gives the next frame of a priority, or nothing. Called only when it will be sent. */
export type FrameSource = (priority: PriorityIndex) => OutgoingFrame | undefined

/** A frame that has been taken, and may be partly sent. */
interface FrameUnderWay {
  readonly frame: OutgoingFrame
  readonly bodyBytes: number
  /** From its first fragment on: which key seals it depends on what was written before. */
  body: FrameBody | undefined
  sentBytes: number
}

/** A fragment of a message that is not written yet. */
interface Fragment {
  readonly headerByte: number
  readonly body: FrameBody
  /** Where in the body it begins. */
  readonly start: number
  readonly length: number
}

/**
 * Smallest beginning of a frame that is worth adding to a message that has others, in bytes; a
 * smaller one would cost each end more work than the room is worth. In large messages it is a
 * quarter of the message: a frame that is cut is put together again by copying it.
 */
function fragmentBytesMin(messageBytesMax: number): number {
  return Math.max(64, messageBytesMax >>> 2)
}

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
    const fragments: Fragment[] = []
    let bytes = 0
    filling: for (const priority of priorityIndexes) {
      if (priority > lowest) break
      for (;;) {
        const roomBytes = messageBytesMax - bytes
        // A header, a length and one byte.
        if (roomBytes < 3) break filling
        const entry = this.#underWay[priority] ?? this.#begin(priority, source(priority))
        if (!entry) break
        const fragment = this.#cut(priority, entry, roomBytes, messageBytesMax)
        if (!fragment) break filling
        fragments.push(fragment)
        bytes += headBytes(fragment.length) + fragment.length
      }
    }
    return bytes === 0 ? undefined : written(fragments, bytes)
  }

  /** A frame of that priority has begun and not ended. */
  isUnderWay(priority: PriorityIndex): boolean {
    return this.#underWay[priority] !== undefined
  }

  #begin(priority: PriorityIndex, frame: OutgoingFrame | undefined): FrameUnderWay | undefined {
    if (!frame) return undefined
    const { kind, payload } = frame
    const bodyBytes = this.#cipher.bodyBytesOf(frameKindCodes[kind], payloadBytesOf(payload))
    const entry = { frame, bodyBytes, body: undefined, sentBytes: 0 }
    this.#underWay[priority] = entry
    return entry
  }

  /** What of the frame goes next; nothing when the message is better sent without more of it. */
  #cut(
    priority: PriorityIndex,
    entry: FrameUnderWay,
    roomBytes: number,
    messageBytesMax: number,
  ): Fragment | undefined {
    const { frame, sentBytes: start } = entry
    const restBytes = entry.bodyBytes - start
    const fitsBytes = fragmentFit(roomBytes)
    const last = restBytes <= fitsBytes
    const hasOthers = roomBytes < messageBytesMax
    if (!last && hasOthers && fitsBytes < fragmentBytesMin(messageBytesMax)) return undefined
    const length = last ? restBytes : fitsBytes
    const kindCode = frameKindCodes[frame.kind]
    const body = (entry.body ??= this.#cipher.seal(kindCode, priority, frame.payload))
    const headerByte = encodeFragmentHeader({ kindCode, priority, first: start === 0, last })
    entry.sentBytes += length
    if (last) this.#underWay[priority] = undefined
    return { headerByte, body, start, length }
  }
}

/** Bytes of a body that fit beside header and length. */
function fragmentFit(roomBytes: number): number {
  if (roomBytes - 2 < 0x80) return roomBytes - 2
  return roomBytes - 3 < 0x4000 ? roomBytes - 3 : roomBytes - 4
}

/** Bytes of header and length before a fragment of that many bytes. */
function headBytes(length: number): number {
  if (length < 0x80) return 2
  return length < 0x4000 ? 3 : 4
}

function written(fragments: readonly Fragment[], bytes: number): Uint8Array {
  const message = new Uint8Array(bytes)
  let at = 0
  for (const { headerByte, body, start, length } of fragments) {
    message[at++] = headerByte
    let rest = length
    for (; rest >= 0x80; rest >>>= 7) message[at++] = (rest & 0x7f) | 0x80
    message[at++] = rest
    at = copyPart(body, start, length, message, at)
  }
  return message
}

/** Copies `length` bytes of the body from `start` on; returns where the next ones go. */
function copyPart(
  body: FrameBody,
  start: number,
  length: number,
  message: Uint8Array,
  at: number,
): number {
  let skip = start
  let left = length
  let to = at
  for (const part of body) {
    if (skip >= part.length) {
      skip -= part.length
      continue
    }
    const count = Math.min(left, part.length - skip)
    message.set(count === part.length ? part : part.subarray(skip, skip + count), to)
    to += count
    left -= count
    skip = 0
    if (left === 0) break
  }
  return to
}
