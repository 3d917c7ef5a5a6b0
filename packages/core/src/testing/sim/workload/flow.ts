/**
 * One direction of a stream: what its writer wrote, what its reader got, and how each side ended.
 *
 * The bytes of a flow follow from its number and their offset, so that one that is wrong, missing,
 * doubled or out of order shows at once. The two ends know of each other here, as nobody does in a
 * real mesh; they use it only to judge.
 */

import { streamRefusedCode, streamStoppingCode } from '../../../engine/connection/stream-port.ts'

/** How one side of a flow stands. */
export type FlowState =
  | 'open'
  /** Writer: everything, the end included, was acknowledged. Reader: all bytes have come. */
  | 'whole'
  /** The writer gave up. */
  | 'reset'
  /** The reader gave up. */
  | 'stopped'
  /** The connection ended. */
  | 'lost'

/** Codes that engines give by themselves: refused, and stopping. */
const engineCodes: readonly number[] = [streamRefusedCode, streamStoppingCode]

/** By which an application ends a stream that ended before it could tell what it was for. */
export const unreadCode = 1

/** Codes by which an application ends flows begin here; the flow's number is added. */
const resetCode = 1_000_000
const stopCode = 2_000_000

/** See the file header. Sentences about what is wrong go to `violated`. */
export class Flow {
  readonly number: number
  /** How much is to be written. */
  readonly plannedBytes: number
  readonly #violated: (invariant: 'stream-bytes' | 'stream-end', sentence: string) => void
  writer: FlowState = 'open'
  reader: FlowState = 'open'
  writtenBytes = 0
  receivedBytes = 0
  #isFinished = false

  constructor(
    number: number,
    plannedBytes: number,
    violated: (invariant: 'stream-bytes' | 'stream-end', sentence: string) => void,
  ) {
    this.number = number
    this.plannedBytes = plannedBytes
    this.#violated = violated
  }

  /** The writer has said that no more follows. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  get resetCode(): number {
    return resetCode + this.number
  }

  get stopCode(): number {
    return stopCode + this.number
  }

  /** The next bytes to write, at most that many. */
  write(bytesMax: number): { readonly bytes: Uint8Array; readonly finish: boolean } {
    const length = Math.min(bytesMax, this.plannedBytes - this.writtenBytes)
    const bytes = new Uint8Array(length)
    for (let index = 0; index < length; index += 1) {
      bytes[index] = this.#byteAt(this.writtenBytes + index)
    }
    this.writtenBytes += length
    this.#isFinished = this.writtenBytes === this.plannedBytes
    return { bytes, finish: this.#isFinished }
  }

  /** The reader was handed the next bytes. */
  received(bytes: Uint8Array): void {
    if (this.reader === 'stopped') return
    if (this.reader !== 'open') this.#wrong('stream-bytes', `has bytes after it is ${this.reader}`)
    for (const [index, byte] of bytes.entries()) {
      if (byte === this.#byteAt(this.receivedBytes + index)) continue
      this.#wrong('stream-bytes', `has a wrong byte at ${this.receivedBytes + index}`)
      break
    }
    this.receivedBytes += bytes.length
    if (this.receivedBytes > this.writtenBytes) {
      const counts = `${this.receivedBytes} bytes, and ${this.writtenBytes} were written`
      this.#wrong('stream-bytes', `has ${counts}`)
    }
  }

  /** The reader was told that all bytes have come. */
  finished(): void {
    if (this.reader === 'stopped') return
    const isAll = this.#isFinished && this.receivedBytes === this.writtenBytes
    if (this.reader !== 'open') this.#wrong('stream-end', `ends after it is ${this.reader}`)
    else if (!isAll) this.#wrong('stream-bytes', `ends after ${this.receivedBytes} bytes`)
    this.reader = 'whole'
  }

  /** The reader was told that the writer gave up. */
  wasReset(code: number): void {
    if (this.reader === 'stopped') return
    const isUnread = code === unreadCode && this.writtenBytes === 0
    const isAsked = isUnread || (this.writer === 'reset' && code === this.resetCode)
    if (this.reader !== 'open') this.#wrong('stream-end', `is reset after it is ${this.reader}`)
    else if (!isAsked && !engineCodes.includes(code)) {
      this.#wrong('stream-end', `is reset with ${code}, and its writer is ${this.writer}`)
    }
    this.reader = 'reset'
  }

  /** The writer was told that the reader gave up. */
  wasStopped(code: number): void {
    if (this.writer === 'reset') return
    const isAsked = this.reader === 'stopped' && code === this.stopCode
    if (this.writer !== 'open') this.#wrong('stream-end', `is stopped after it is ${this.writer}`)
    else if (!isAsked && !engineCodes.includes(code)) {
      this.#wrong('stream-end', `is stopped with ${code}, and its reader is ${this.reader}`)
    }
    this.writer = 'stopped'
  }

  /**
   * The writer was told that everything was acknowledged. `isReaderPrompt`: its boot goes on, and it
   * takes what it is handed at once, so that nothing waits for it.
   */
  delivered(isReaderPrompt: boolean): void {
    if (this.writer === 'reset') return
    if (this.writer !== 'open') this.#wrong('stream-end', `is delivered after it is ${this.writer}`)
    else if (!this.#isFinished) this.#wrong('stream-end', 'is delivered and not finished')
    else if (isReaderPrompt && this.reader === 'open') {
      const counts = `${this.receivedBytes} of ${this.writtenBytes} bytes`
      this.#wrong('stream-end', `is delivered, and its reader has ${counts}`)
    }
    this.writer = 'whole'
  }

  #wrong(invariant: 'stream-bytes' | 'stream-end', what: string): void {
    this.#violated(invariant, `flow ${this.number} ${what}`)
  }

  /** The number of the flow stands in its first bytes, so that the reader knows which it reads. */
  #byteAt(offset: number): number {
    if (offset < flowNumberBytes) return (this.number >>> (8 * offset)) & 0xff
    return (Math.imul(offset, 0x9e3779b1) >>> 24) ^ (this.number & 0xff)
  }
}

/** Bytes at the beginning of a flow that say which it is, least significant first. */
export const flowNumberBytes = 3
