/**
 * The receiving half of a stream: bytes by offset become bytes in order, each once, and its end
 * (rules ST1, ST2, ST5, ST8 and ST16 to ST18).
 *
 * Invariant: consumed <= told <= highest <= the window's limit, and what was told and not consumed
 * holds back credit.
 */

import { assert, unreachable } from '../assert.ts'
import type { CloseCode } from './connection-output.ts'
import { ReceiveWindow } from './receive-window.ts'
import { ReorderBuffer } from './reorder-buffer.ts'

/** 256 KiB: a round trip of 20 ms at 100 Mbit/s. */
export const streamWindowBytes = 256 * 1024

/** 1 MiB: what one stream's gap, or its slow reader, may hold in memory. */
export const streamWindowBytesMax = 1024 * 1024

/** Where the bytes go. */
export interface ByteSink {
  /**
   * Takes the next bytes in order, a view. `isLasting`: it stays valid; else only during the call. A
   * code when they break a rule.
   */
  take(bytes: Uint8Array, isLasting: boolean): CloseCode | undefined
}

/** One direction of one stream. */
export class ReceiveStream {
  readonly #window = new ReceiveWindow(streamWindowBytes, streamWindowBytesMax)
  readonly #sink: ByteSink
  readonly #reordered = new ReorderBuffer()
  /** `stopped`: this end gave up reading. `reset`: the other end gave up writing. */
  #mode: 'read' | 'stopped' | 'reset' = 'read'
  #toldOffset = 0
  #consumedOffset = 0
  #highestOffset = 0
  #finalSize: number | undefined
  #releasedOffset = 0
  #creditDue = false

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  /** End of the highest byte received: what counts against the connection's credit. */
  get highestOffset(): number {
    return this.#highestOffset
  }

  /** Memory held for gaps: at most a window. */
  get heldBytes(): number {
    return this.#reordered.capacityBytes
  }

  /** Bytes told of and not consumed: whoever was told holds them. */
  get unconsumedBytes(): number {
    return this.#mode === 'stopped' ? 0 : this.#toldOffset - this.#consumedOffset
  }

  /** Every byte up to the end has been told of. */
  get isAllTold(): boolean {
    return this.#mode === 'read' && this.#toldOffset === this.#finalSize
  }

  /** The other end gave up writing before all was told of. */
  get isReset(): boolean {
    return this.#mode === 'reset'
  }

  /** Nothing that may arrive still matters, and nobody holds bytes: the half can be forgotten. */
  get isOver(): boolean {
    return this.#finalSize === this.#releasable
  }

  /** New credit would be of use to the other end. */
  get takesCredit(): boolean {
    return this.#mode === 'read' && this.#finalSize === undefined
  }

  /** Takes the data of one frame, whose bytes stay as they are; `fin`: the stream ends there. */
  receive(offset: number, data: Uint8Array, fin: boolean): CloseCode | undefined {
    const end = offset + data.length
    const violation = this.#reach(end, fin)
    if (violation !== undefined || this.#mode !== 'read') return violation
    if (end <= this.#toldOffset) return undefined
    const fresh = offset < this.#toldOffset ? data.subarray(this.#toldOffset - offset) : data
    const freshOffset = end - fresh.length
    if (freshOffset > this.#toldOffset) {
      return this.#reordered.write(this.#toldOffset, freshOffset, fresh) ? undefined : 'gaps'
    }
    let refusal = this.#tell(fresh, true)
    while (refusal === undefined && !this.#reordered.isEmpty) {
      const next = this.#reordered.read(this.#toldOffset)
      if (next.length === 0) break
      refusal = this.#tell(next, false)
    }
    return refusal
  }

  /** The other end gave up writing. What has been told in full stays so. */
  resetReceived(finalSize: number): CloseCode | undefined {
    const wasAllTold = this.isAllTold
    const violation = this.#reach(finalSize, true)
    if (violation !== undefined || this.#mode !== 'read' || wasAllTold) return violation
    this.#mode = 'reset'
    this.#reordered.clear()
    return undefined
  }

  /** This end gives up reading: what has arrived counts as consumed, and so does what still will. */
  stop(): void {
    if (this.#mode === 'stopped') return
    this.#mode = 'stopped'
    this.#reordered.clear()
  }

  /** The reader has taken, or dropped, that many bytes of those told of. */
  consume(bytes: number): void {
    if (this.#mode === 'stopped') return
    assert(this.#consumedOffset + bytes <= this.#toldOffset, 'a reader takes what it was told of')
    this.#consumedOffset += bytes
    if (this.#window.consume(bytes)) this.#creditDue = true
  }

  /** Bytes that hold back the connection's credit no more, since the last call. */
  takeReleased(): number {
    const released = this.#releasable - this.#releasedOffset
    this.#releasedOffset += released
    return released
  }

  /** True once when new credit should be announced. */
  takeCreditDue(): boolean {
    const due = this.#creditDue && this.takesCredit
    this.#creditDue = false
    return due
  }

  /** Moves the limit on, and returns it for announcement. */
  advance(nowMs: number, rttMs: number): number {
    return this.#window.advance(nowMs, rttMs)
  }

  /** Of all offsets reached, what nobody holds. */
  get #releasable(): number {
    switch (this.#mode) {
      case 'read':
        return this.#consumedOffset
      case 'reset':
        return this.#highestOffset - (this.#toldOffset - this.#consumedOffset)
      case 'stopped':
        return this.#highestOffset
      default:
        return unreachable(this.#mode)
    }
  }

  /** Checks an end of data against credit and final size, and takes note of it. */
  #reach(end: number, isFinal: boolean): CloseCode | undefined {
    if (this.#finalSize !== undefined) {
      return end > this.#finalSize || (isFinal && end < this.#finalSize) ? 'final-size' : undefined
    }
    if (isFinal && end < this.#highestOffset) return 'final-size'
    if (end > this.#window.limit) return 'flow-control'
    this.#highestOffset = Math.max(this.#highestOffset, end)
    if (isFinal) this.#finalSize = end
    return undefined
  }

  #tell(bytes: Uint8Array, isLasting: boolean): CloseCode | undefined {
    this.#toldOffset += bytes.length
    return this.#sink.take(bytes, isLasting)
  }
}
