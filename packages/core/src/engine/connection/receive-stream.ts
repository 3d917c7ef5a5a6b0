/**
 * The receiving half of a stream: bytes by offset become messages in order, each byte once
 * (rules ST1 to ST8).
 */

import { MessageAssembler } from './message-assembler.ts'
import { ReceiveWindow } from './receive-window.ts'
import { ReorderBuffer } from './reorder-buffer.ts'

/** 256 KiB: a round trip of 20 ms at 100 Mbit/s; bytes are consumed as they arrive in order. */
export const streamWindowBytes = 256 * 1024

/** 1 MiB: what one stream's gap may hold in memory. */
export const streamWindowBytesMax = 1024 * 1024

/** What became of a STREAM frame. All but `ok` end the connection. */
export type ReceiveOutcome = 'ok' | 'flow-control' | 'gaps' | 'message'

/** One direction of one stream. */
export class ReceiveStream {
  readonly window = new ReceiveWindow(streamWindowBytes, streamWindowBytesMax)
  readonly #assembler = new MessageAssembler()
  readonly #reordered = new ReorderBuffer()
  #readOffset = 0
  #highestOffset = 0

  /** End of the highest byte received: what counts against the connection's credit. */
  get highestOffset(): number {
    return this.#highestOffset
  }

  /** All bytes before this offset have gone into messages. */
  get readOffset(): number {
    return this.#readOffset
  }

  /** Memory held for what is incomplete: at most a window and a message. */
  get heldBytes(): number {
    return this.#reordered.capacityBytes + this.#assembler.allocatedBytes
  }

  /** Takes the data of one frame; appends the messages it completes to `messages`. */
  receive(offset: number, data: Uint8Array, messages: Uint8Array[]): ReceiveOutcome {
    const end = offset + data.length
    if (end > this.window.limit) return 'flow-control'
    this.#highestOffset = Math.max(this.#highestOffset, end)
    if (end <= this.#readOffset) return 'ok'
    const fresh = offset < this.#readOffset ? data.subarray(this.#readOffset - offset) : data
    const freshOffset = end - fresh.length
    if (freshOffset > this.#readOffset) {
      return this.#reordered.write(this.#readOffset, freshOffset, fresh) ? 'ok' : 'gaps'
    }
    if (!this.#consume(fresh, messages)) return 'message'
    while (!this.#reordered.isEmpty) {
      const next = this.#reordered.read(this.#readOffset)
      if (next.length === 0) break
      if (!this.#consume(next, messages)) return 'message'
    }
    return 'ok'
  }

  #consume(bytes: Uint8Array, messages: Uint8Array[]): boolean {
    this.#readOffset += bytes.length
    return this.#assembler.push(bytes, messages)
  }
}
