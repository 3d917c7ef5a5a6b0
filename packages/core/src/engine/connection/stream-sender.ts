/**
 * What of the streams goes into packets, and what becomes of it: pieces leave in turns, are lost, or
 * arrive (rules ST1, ST5, ST7 and ST9).
 */

import type { EngineContext } from '../context.ts'
import { priorities } from '../link/link-port.ts'
import { ApplicationStream } from './application-stream.ts'
import type { ConnectionCredit } from './connection-credit.ts'
import { encodeStreamHead, streamHeadBytes } from './frame.ts'
import { MessageStream } from './message-stream.ts'
import type { PacketDraft } from './stream-notices.ts'
import { StreamSchedule } from './stream-schedule.ts'

type SendingStream = ApplicationStream | MessageStream

/** The sending directions of all streams of a connection. */
export class StreamSender {
  readonly #context: EngineContext
  readonly #credit: ConnectionCredit
  readonly #schedule: StreamSchedule<SendingStream>

  constructor(context: EngineContext, credit: ConnectionCredit) {
    this.#context = context
    this.#credit = credit
    this.#schedule = new StreamSchedule(priorities.length, (stream) => this.#creditOf(stream))
  }

  canSend(rank: number): boolean {
    return this.#schedule.next(rank) !== undefined
  }

  /** The rank has that many bytes to send, or something that gains nothing by waiting for more. */
  fills(rank: number, bytes: number): boolean {
    let freshBytes = 0
    for (const stream of this.#schedule.queued(rank)) {
      if (!stream.sending.mayGather) return true
      freshBytes += stream.sending.freshBytes(this.#creditOf(stream))
      if (freshBytes >= bytes) return true
    }
    return false
  }

  /** Something about the stream has changed: it may have something to send. */
  update(stream: SendingStream): void {
    this.#schedule.update(stream)
  }

  /** The stream is forgotten. */
  remove(stream: SendingStream): void {
    this.#schedule.remove(stream)
  }

  /** The peer allows that much over all streams of applications. */
  raiseLimit(limit: number): void {
    this.#credit.raiseLimit(limit)
    this.#schedule.creditRaised()
  }

  /** Fills the packet with STREAM frames of that priority. */
  write(rank: number, draft: PacketDraft): void {
    const first = this.#schedule.next(rank)
    let stream = first
    while (stream !== undefined && this.#writePiece(stream, draft)) {
      stream = this.#schedule.next(rank)
    }
    // Whoever had the whole packet has had its turn.
    if (stream !== undefined && stream === first) this.#schedule.rotate(stream)
  }

  /** False when the packet is full. */
  #writePiece(stream: SendingStream, { room, writer, frames }: PacketDraft): boolean {
    const { sending } = stream
    const lengthMax = room - writer.length - streamHeadBytes(sending.id, sending.sentEnd)
    if (lengthMax <= 0) return false
    const sentBefore = sending.sentEnd
    const piece = sending.takePiece(lengthMax, this.#creditOf(stream))
    if (piece === undefined) return false
    encodeStreamHead(sending.id, piece.offset, piece.length, piece.fin, writer)
    sending.writePiece(piece, writer)
    frames.push({ type: 'stream', stream: sending.id, piece })
    if (stream instanceof ApplicationStream) {
      const sentBytes = sending.sentEnd - sentBefore
      this.#credit.sent(sentBytes)
      this.#context.recorder.connection.streamBytesSent.add(sentBytes)
      stream.drained()
    }
    return true
  }

  #creditOf(stream: SendingStream): number {
    return stream instanceof MessageStream ? Number.POSITIVE_INFINITY : this.#credit.unusedBytes
  }
}
