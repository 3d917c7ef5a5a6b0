/**
 * The mesh frames for one neighbour on their way out, over whichever channel carries them (rules LK9
 * and LK31 of docs/specs/link.md): numbered by priority, and kept until the neighbour has said that it
 * has them, so that another channel can go on exactly where the last one ended.
 *
 * Invariant: of each priority, frames leave in the order of their numbers, but that a channel begins
 * again with those that the last one did not deliver. While there is another channel to begin again
 * on, no frame is forgotten that the neighbour may lack.
 */

import { assert } from '../assert.ts'
import { encodeBundleFrame, type FrameCounts } from './bundle-frame.ts'
import { Fifo } from '../fifo.ts'
import { payloadBytesOf } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import { frameOverheadBytes, SendQueue } from './send-queue.ts'

/**
 * Bytes of frames that may be kept. From there on no more are sent, or, on the only channel there is,
 * the oldest are forgotten. A round trip's worth of a fast link: at 100 ms, 20 Mbit/s. One frame more
 * may have been begun below the bound.
 */
export const keptBytesMax = 256 * 1024

/** Of these, kept free for control and interactive frames, so that they never wait for bulk. */
export const urgentReserveBytes = 64 * 1024

/** What is left of a frame that will not be sent again: its number. */
const givenUp = 'given up'

/** The frames of one priority. Numbers go on from one link to the next. */
interface Lane {
  /** Frames before this one have been received, as far as is known. */
  acknowledged: number
  /** Frames before this one are forgotten. */
  keptFrom: number
  /** The frames from there on that left the queue. */
  readonly kept: Fifo<OutgoingFrame | typeof givenUp>
  /** The next one to send on the channel that carries. */
  next: number
  /** That channel has to be told which number comes next, and how many before it are given up. */
  mustBegin: boolean
  givenUp: number
}

/** See the file header. */
export class OutboundFrames {
  /** Frames that were sent again; whoever counts them sets it back. */
  resentFrames = 0
  /** Whether sending waits at the bound, since there is another channel to send again on. */
  mustKeep = false
  #queue = new SendQueue()
  readonly #lanes: readonly Lane[]
  #keptBytes = 0

  /** `firsts`: the numbers of the first frames of all. */
  constructor(firsts: FrameCounts) {
    this.#lanes = firsts.map((first) => ({
      acknowledged: first,
      keptFrom: first,
      kept: new Fifo(),
      next: first,
      mustBegin: false,
      givenUp: 0,
    }))
  }

  /** The numbers that no frame has had yet. */
  get unusedNumbers(): FrameCounts {
    return this.#lanes.map(endOf)
  }

  /** Bytes that are kept. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Bytes that were never sent. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes
  }

  /** Numbers and states of the priorities, as data. For tests and reports. */
  inspect(): unknown {
    const lanes = this.#lanes.map((lane) => [
      lane.acknowledged - lane.keptFrom,
      lane.keptFrom,
      lane.next,
      endOf(lane),
      lane.mustBegin,
      lane.givenUp,
      Array.from({ length: lane.kept.length }, (_, place) => lane.kept.at(place) === givenUp),
    ])
    return [this.mustKeep, ...lanes]
  }

  /** Takes the frame into the queue, of at most so many bytes, or refuses it. */
  offer(priority: PriorityIndex, frame: OutgoingFrame, bytesMax?: number): boolean {
    return this.#queue.offer(priority, frame, bytesMax)
  }

  /** Whether a priority that refused has room again; asks once for each time. */
  takeWritable(): boolean {
    return this.#queue.takeWritable()
  }

  /** The next frame for the channel that carries; called only when it will be sent. */
  take(priority: PriorityIndex): OutgoingFrame | undefined {
    const lane = this.#lanes[priority]!
    skipGivenUp(lane)
    const isResent = lane.next < endOf(lane)
    if (!isResent && (!this.#queue.has(priority) || !this.#makeRoom(priority))) return undefined
    if (lane.mustBegin) {
      const begin = { type: 'begin', first: lane.next, givenUp: lane.givenUp } as const
      beginAt(lane, lane.next)
      lane.mustBegin = false
      return { kind: 'bundle-switch', payload: encodeBundleFrame(begin) }
    }
    if (isResent) this.resentFrames += 1
    else this.#takeFromQueue(lane, priority)
    lane.next += 1
    const frame = lane.kept.at(lane.next - 1 - lane.keptFrom)
    assert(frame !== givenUp, 'a frame that is given up is not sent')
    return frame
  }

  /** The neighbour has received so many of each priority. False when it cannot have. */
  received(counts: FrameCounts): boolean {
    if (!this.#arePossible(counts)) return false
    for (const [priority, lane] of this.#lanes.entries()) {
      const count = counts[priority]!
      lane.acknowledged = Math.max(lane.acknowledged, count)
      this.#forgetUpTo(lane, count)
      // The last channel has delivered after all what was to be sent again on this one.
      if (count > lane.next) beginAt(lane, count)
    }
    return true
  }

  /** A link begins: the numbers that its frames begin with. Nothing of an earlier one is left. */
  begin(): FrameCounts {
    this.clear()
    for (const lane of this.#lanes) {
      lane.acknowledged = lane.keptFrom
      beginAt(lane, lane.next)
    }
    return this.#lanes.map(({ next }) => next)
  }

  /** The link is over, and all that waits or is kept is lost; numbers go on from here. */
  clear(): void {
    this.#queue = new SendQueue()
    this.mustKeep = false
    for (const lane of this.#lanes) {
      this.#forgetUpTo(lane, endOf(lane))
      lane.next = lane.keptFrom
    }
  }

  /**
   * Another channel carries from now on, to a neighbour that has received so much. `lost`: it lacks
   * frames that are forgotten; `impossible`: it cannot have received that, and nothing changed.
   */
  restart(counts: FrameCounts): 'whole' | 'lost' | 'impossible' {
    if (!this.#arePossible(counts)) return 'impossible'
    let outcome: 'whole' | 'lost' = 'whole'
    for (const [priority, lane] of this.#lanes.entries()) {
      // The counts may be older than others that came over a faster channel.
      lane.acknowledged = Math.max(lane.acknowledged, counts[priority]!)
      if (lane.acknowledged < lane.keptFrom) outcome = 'lost'
      this.#forgetUpTo(lane, lane.acknowledged)
      beginAt(lane, lane.keptFrom)
    }
    return outcome
  }

  /** Gives up the packets that wait or are kept; how many those were. */
  giveUpPackets(): number {
    let count = this.#queue.drop('packet')
    for (const { kept } of this.#lanes) {
      for (let left = kept.length; left > 0; left -= 1) {
        const frame = kept.shift()!
        const isDue = frame !== givenUp && frame.kind === 'packet'
        kept.push(isDue ? givenUp : frame)
        if (!isDue) continue
        this.#keptBytes -= bytesOf(frame) - bytesOf(givenUp)
        count += 1
      }
    }
    return count
  }

  #takeFromQueue(lane: Lane, priority: PriorityIndex): void {
    const frame = this.#queue.take(priority)
    if (!frame) return
    lane.kept.push(frame)
    this.#keptBytes += bytesOf(frame)
  }

  /** Whether one more frame may be sent and kept. */
  #makeRoom(priority: PriorityIndex): boolean {
    if (this.mustKeep) {
      const reservedBytes = priority < 2 ? 0 : urgentReserveBytes
      return this.#keptBytes < keptBytesMax - reservedBytes
    }
    for (const lane of this.#lanes) this.#forgetUpTo(lane, lane.next, keptBytesMax)
    return this.#keptBytes < keptBytesMax
  }

  /** Forgets the frames of lower numbers, or so many of them that fewer bytes are kept. */
  #forgetUpTo(lane: Lane, number: number, bytesMax = 0): void {
    while (lane.keptFrom < number && this.#keptBytes >= bytesMax) {
      const frame = lane.kept.shift()
      if (!frame) return
      this.#keptBytes -= bytesOf(frame)
      lane.keptFrom += 1
    }
  }

  #arePossible(counts: FrameCounts): boolean {
    return this.#lanes.every((lane, priority) => counts[priority]! <= endOf(lane))
  }
}

/** Number of the first frame that is still in the queue. */
function endOf(lane: Lane): number {
  return lane.keptFrom + lane.kept.length
}

/** The next frame to send is that one, which the channel has to be told. */
function beginAt(lane: Lane, number: number): void {
  lane.next = number
  lane.givenUp = 0
  lane.mustBegin = true
}

function skipGivenUp(lane: Lane): void {
  while (lane.kept.at(lane.next - lane.keptFrom) === givenUp) {
    lane.next += 1
    lane.givenUp += 1
    lane.mustBegin = true
  }
}

function bytesOf(frame: OutgoingFrame | typeof givenUp): number {
  if (frame === givenUp) return frameOverheadBytes
  return payloadBytesOf(frame.payload) + frameOverheadBytes
}
