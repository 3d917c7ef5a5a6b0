/**
 * All streams of one connection and the credit that spans them (rules ST1 to ST10).
 *
 * Four well-known streams each way, one of each priority: their id is the priority's rank. Pieces
 * are taken, lost and acknowledged by stream id, so that more streams can join.
 */

import { unreachable } from '../assert.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { priorities } from '../link/link-port.ts'
import type { CloseCode } from './connection-output.ts'
import { encodeFrame, encodeStreamHead, streamHeadBytes } from './frame.ts'
import type { SentFrame } from './loss-recovery.ts'
import { ReceiveStream, streamWindowBytes } from './receive-stream.ts'
import { ReceiveWindow } from './receive-window.ts'
import { SendStream } from './send-stream.ts'

/** Two streams may use their first windows in full at once. */
export const connectionWindowBytes = 2 * streamWindowBytes

/** 2 MiB: bounds what all streams' gaps together may hold in memory. */
export const connectionWindowBytesMax = 2 * 1024 * 1024

/** The peer's first credit, from its handshake. */
export interface InitialCredit {
  readonly connectionBytes: number
  readonly streamBytes: number
}

/** Both directions of every stream. */
export class StreamSet {
  readonly #sending: readonly SendStream[]
  readonly #receiving: readonly ReceiveStream[]
  /** Credit for the peer over all streams. */
  readonly #window = new ReceiveWindow(connectionWindowBytes, connectionWindowBytesMax)
  #receivedBytes = 0
  #connectionCreditDue = false
  readonly #streamCreditDue: boolean[] = priorities.map(() => false)
  /** The peer's credit for this end over all streams. */
  #limit: number
  #sentBytes = 0

  constructor(credit: InitialCredit) {
    this.#limit = credit.connectionBytes
    this.#sending = priorities.map((_, id) => new SendStream(id, credit.streamBytes))
    this.#receiving = priorities.map(() => new ReceiveStream())
  }

  /** Memory of what waits to be sent or acknowledged. */
  get sendBufferBytes(): number {
    return this.#sending.reduce((sum, stream) => sum + stream.heldBytes, 0)
  }

  /** Memory of what has arrived incomplete. */
  get receiveBufferBytes(): number {
    return this.#receiving.reduce((sum, stream) => sum + stream.heldBytes, 0)
  }

  // Sending

  /** Queues a message; false, and nothing taken, when the stream is full. */
  queue(rank: number, message: Uint8Array): boolean {
    return this.#sending[rank]!.queue(message)
  }

  /** True once after a refusal, when there is room again. */
  takeWritable(rank: number): boolean {
    return this.#sending[rank]!.takeWritable()
  }

  canSend(rank: number): boolean {
    return this.#sending[rank]!.canSend(this.#limit - this.#sentBytes)
  }

  /** Fills the packet up to `room` bytes with STREAM frames of that priority. */
  writePieces(rank: number, room: number, writer: ByteWriter, frames: SentFrame[]): void {
    const stream = this.#sending[rank]!
    for (;;) {
      const lengthMax = room - writer.length - streamHeadBytes(stream.id, stream.sentEnd)
      if (lengthMax <= 0) return
      const sentBefore = stream.sentEnd
      const piece = stream.takePiece(lengthMax, this.#limit - this.#sentBytes)
      if (piece === undefined) return
      this.#sentBytes += stream.sentEnd - sentBefore
      encodeStreamHead(stream.id, piece.offset, piece.length, writer)
      stream.writePiece(piece, writer)
      frames.push({ type: 'stream', stream: stream.id, piece })
    }
  }

  /** The peer allows that much over all streams; limits never shrink. */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  /** The peer allows that much on one stream; false when there is no such stream. */
  raiseStreamLimit(id: number, limit: number): boolean {
    this.#sending[id]?.raiseLimit(limit)
    return id < this.#sending.length
  }

  /** A packet with this has arrived. */
  acknowledged(frame: SentFrame): void {
    if (frame.type === 'stream') this.#sending[frame.stream]!.acknowledged(frame.piece)
  }

  /** What a lost packet carried is due again: streams by offset, credit in its latest form. */
  lost(frame: SentFrame): void {
    switch (frame.type) {
      case 'stream':
        this.#sending[frame.stream]!.lost(frame.piece)
        return
      case 'connection-credit':
        this.#connectionCreditDue = true
        return
      case 'stream-credit':
        this.#streamCreditDue[frame.stream] = true
        return
      case 'acknowledgement':
        return
      default:
        unreachable(frame)
    }
  }

  // Receiving

  /** Takes a STREAM frame; appends messages to `messages`. A code when the peer broke a rule. */
  received(
    id: number,
    offset: number,
    data: Uint8Array,
    messages: Uint8Array[],
  ): CloseCode | undefined {
    const stream = this.#receiving[id]
    if (stream === undefined) return 'stream'
    const highestBefore = stream.highestOffset
    const readBefore = stream.readOffset
    const outcome = stream.receive(offset, data, messages)
    if (outcome !== 'ok') return outcome
    this.#receivedBytes += stream.highestOffset - highestBefore
    if (this.#receivedBytes > this.#window.limit) return 'flow-control'
    const consumed = stream.readOffset - readBefore
    if (stream.window.consume(consumed)) this.#streamCreditDue[id] = true
    if (this.#window.consume(consumed)) this.#connectionCreditDue = true
    return undefined
  }

  /** New credit should be announced. */
  get creditDue(): boolean {
    return this.#connectionCreditDue || this.#streamCreditDue.includes(true)
  }

  /** Appends the credit that is due: at most 60 bytes. */
  writeCredit(rttMs: number, writer: ByteWriter, frames: SentFrame[], nowMs: number): void {
    if (this.#connectionCreditDue) {
      this.#connectionCreditDue = false
      const limit = this.#window.advance(nowMs, rttMs)
      encodeFrame({ type: 'connection-credit', limit }, writer)
      frames.push({ type: 'connection-credit' })
    }
    for (const [stream, due] of this.#streamCreditDue.entries()) {
      if (!due) continue
      this.#streamCreditDue[stream] = false
      const limit = this.#receiving[stream]!.window.advance(nowMs, rttMs)
      encodeFrame({ type: 'stream-credit', stream, limit }, writer)
      frames.push({ type: 'stream-credit', stream })
    }
  }
}
