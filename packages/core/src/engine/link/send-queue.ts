/**
 * What waits to be sent to one neighbour: a bounded queue for each priority (rule LK12 of
 * docs/specs/link.md). At the bound the newest frame is refused, and its sender told when there is
 * room again.
 */

import { payloadBytesOf, priorityIndexes } from './frame.ts'
import type { FrameKind, OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FramePayload } from './link-port.ts'

/**
 * Bytes that wait at one priority, at most: as much again as may be under way on the channel, enough to
 * keep a fast channel busy between two turns of the host.
 */
export const queueBytesMax = 256 * 1024

/**
 * On slow channels it is what they carry in so long, in milliseconds. Here everything waits in one
 * row; before it, in the layer above, those who share the link take turns and hear that they wait.
 */
export const queueMsMax = 25

/** A queue that refused says `writable` when it has fallen to this part of its bound. */
const lowPart = 1 / 4

/** What a frame counts for besides its payload, in bytes, so that empty frames are bounded too. */
export const frameOverheadBytes = 32

interface PriorityQueue {
  frames: OutgoingFrame[]
  bytes: number
  /** It refused, and says `writable` when it has fallen to this. */
  writableBytes: number | undefined
}

/** Frames for one neighbour, in sending order. */
export class SendQueue {
  readonly #queues: readonly PriorityQueue[] = priorityIndexes.map(() => ({
    frames: [],
    bytes: 0,
    writableBytes: undefined,
  }))
  #writable = false

  /** Bytes that wait, over all priorities. */
  get waitingBytes(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.bytes, 0)
  }

  /** Takes the frame, or refuses it at so many bytes; a queue that is empty takes any. */
  offer(priority: PriorityIndex, frame: OutgoingFrame, bytesMax = queueBytesMax): boolean {
    const queue = this.#queues[priority]!
    const bytes = sizeOf(frame.payload)
    if (queue.bytes > 0 && queue.bytes + bytes > bytesMax) {
      queue.writableBytes = bytesMax * lowPart
      return false
    }
    queue.frames.push(frame)
    queue.bytes += bytes
    return true
  }

  /** Whether a frame waits at that priority. */
  has(priority: PriorityIndex): boolean {
    return this.#queues[priority]!.frames.length > 0
  }

  /** The frame to send next at that priority. */
  take(priority: PriorityIndex): OutgoingFrame | undefined {
    const queue = this.#queues[priority]!
    const frame = queue.frames.shift()
    if (!frame) return undefined
    queue.bytes -= sizeOf(frame.payload)
    this.#noteRoom(queue)
    return frame
  }

  /** Drops those of a kind; how many those were. */
  drop(kind: FrameKind): number {
    let count = 0
    for (const queue of this.#queues) {
      const rest = queue.frames.filter((frame) => frame.kind !== kind)
      if (rest.length === queue.frames.length) continue
      count += queue.frames.length - rest.length
      queue.frames = rest
      queue.bytes = rest.reduce((sum, { payload }) => sum + sizeOf(payload), 0)
      this.#noteRoom(queue)
    }
    return count
  }

  /** Whether a queue that refused has room again; asks once for each time. */
  takeWritable(): boolean {
    const writable = this.#writable
    this.#writable = false
    return writable
  }

  #noteRoom(queue: PriorityQueue): void {
    if (queue.writableBytes === undefined || queue.bytes > queue.writableBytes) return
    queue.writableBytes = undefined
    this.#writable = true
  }
}

function sizeOf(payload: FramePayload): number {
  return payloadBytesOf(payload) + frameOverheadBytes
}
