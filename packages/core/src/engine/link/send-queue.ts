/**
 * What waits to be sent to one neighbour: a bounded queue for each priority (rule LK12 of
 * docs/specs/link.md). At the bound the newest frame is refused, and its sender told when there is
 * room again.
 */

import { payloadBytesOf, priorityIndexes } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'

/**
 * Bytes that wait at one priority. As much again as may be under way on the channel: enough to
 * keep a fast channel busy between two turns of the host, little enough that a keystroke behind it
 * is not late.
 */
export const queueBytesMax = 256 * 1024

/** A queue that refused says `writable` when it has fallen to this. */
export const queueBytesLow = 64 * 1024

/** What a frame counts for besides its payload, in bytes, so that empty frames are bounded too. */
export const frameOverheadBytes = 32

interface PriorityQueue {
  readonly frames: OutgoingFrame[]
  bytes: number
  refused: boolean
}

/** Frames for one neighbour, in sending order. */
export class SendQueue {
  readonly #queues: readonly PriorityQueue[] = priorityIndexes.map(() => ({
    frames: [],
    bytes: 0,
    refused: false,
  }))
  #writable = false

  /** Bytes that wait, over all priorities. */
  get waitingBytes(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.bytes, 0)
  }

  /** Takes the frame, or refuses it; a queue that is empty takes any. */
  offer(priority: PriorityIndex, frame: OutgoingFrame): boolean {
    const queue = this.#queues[priority]!
    const bytes = payloadBytesOf(frame.payload) + frameOverheadBytes
    if (queue.bytes > 0 && queue.bytes + bytes > queueBytesMax) {
      queue.refused = true
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
    queue.bytes -= payloadBytesOf(frame.payload) + frameOverheadBytes
    if (queue.refused && queue.bytes <= queueBytesLow) {
      queue.refused = false
      this.#writable = true
    }
    return frame
  }

  /** Whether a queue that refused has room again; asks once for each time. */
  takeWritable(): boolean {
    const writable = this.#writable
    this.#writable = false
    return writable
  }
}
