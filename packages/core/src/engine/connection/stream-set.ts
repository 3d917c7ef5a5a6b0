/**
 * All streams of one connection, and the credit that spans them (rules ST1 to ST29).
 *
 * It joins its parts: the table of streams, who may open which, what is to be sent, said, and taken
 * in. It knows nothing of packets and keys: pieces and frames are taken, lost and acknowledged, so
 * that it can outlive both.
 */

import { unreachable } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { priorities } from '../link/link-port.ts'
import { ApplicationStream, type StreamHost } from './application-stream.ts'
import { ConnectionCredit } from './connection-credit.ts'
import type { CloseCode, ConnectionOutputs } from './connection-output.ts'
import type { Frame } from './frame.ts'
import type { MessageStream } from './message-stream.ts'
import type { StreamDirectory } from './stream-directory.ts'
import type { StreamHeader } from './stream-header.ts'
import type { SentFrame } from './sent-packet.ts'
import { StreamIds } from './stream-ids.ts'
import { StreamIntake, type OneStreamFrame } from './stream-intake.ts'
import { StreamNotices, type PacketDraft } from './stream-notices.ts'
import type { StreamHandle, StreamRefusal, StreamWriteResult } from './stream-port.ts'
import { StreamSender } from './stream-sender.ts'
import { StreamTable } from './stream-table.ts'

/** The peer's first credit, from its handshake. */
export interface InitialCredit {
  /** Over all streams of applications. */
  readonly connectionBytes: number
  /** On each stream. */
  readonly streamBytes: number
  /** Streams that may be opened. */
  readonly streamCount: number
}

export interface StreamSetOptions {
  readonly peer: PeerId
  /** This end has the lower peer id. */
  readonly opensEven: boolean
  readonly credit: InitialCredit
}

/** Frames that concern streams. */
export type StreamFrame =
  OneStreamFrame | (Frame & { readonly type: 'connection-credit' | 'stream-allowance' })

/** Both directions of every stream. */
export class StreamSet {
  readonly #context: EngineContext
  readonly #outputs: ConnectionOutputs
  readonly #directory: StreamDirectory
  readonly #options: StreamSetOptions
  readonly #host: StreamHost
  readonly #table: StreamTable
  readonly #ids: StreamIds
  readonly #credit: ConnectionCredit
  readonly #sender: StreamSender
  readonly #notices: StreamNotices
  readonly #intake: StreamIntake
  /** This end asked for a stream in vain. */
  #awaitsAllowance = false

  constructor(
    context: EngineContext,
    outputs: ConnectionOutputs,
    directory: StreamDirectory,
    options: StreamSetOptions,
  ) {
    const { peer, credit, opensEven } = options
    this.#context = context
    this.#outputs = outputs
    this.#directory = directory
    this.#options = options
    this.#table = new StreamTable(credit.streamBytes)
    this.#ids = new StreamIds(opensEven, credit.streamCount)
    this.#credit = new ConnectionCredit(credit.connectionBytes)
    this.#sender = new StreamSender(context, this.#credit)
    this.#notices = new StreamNotices(this.#table, this.#ids, this.#credit)
    this.#intake = new StreamIntake({
      table: this.#table,
      ids: this.#ids,
      credit: this.#credit,
      sender: this.#sender,
      notices: this.#notices,
      add: (id) => this.#add(id),
      tellMessages: (stream) => this.#tellMessages(stream),
      settle: (stream) => this.#settle(stream),
    })
    this.#host = {
      context,
      outputs,
      name: ({ id }) => directory.add({ peer, streams: this, id }),
      tellOpened: (stream, header) => {
        context.recorder.connection.streamsAccepted.add()
        outputs.push({ type: 'stream-opened', stream, peer, ...header })
      },
    }
  }

  /** Memory of what waits to be sent or acknowledged. */
  get sendBufferBytes(): number {
    return this.#table.sendBufferBytes
  }

  /** Memory of what has arrived incomplete. */
  get receiveBufferBytes(): number {
    return this.#table.receiveBufferBytes
  }

  /** Bytes that applications have been told of and have not taken. */
  get unconsumedBytes(): number {
    return this.#table.unconsumedBytes
  }

  /** What is left of the peer's credit, where there is least of it. */
  get unusedCreditBytes(): number {
    return Math.min(this.#credit.unusedBytes, this.#table.unusedCreditBytes)
  }

  /** Streams of applications that are not forgotten. */
  get openCount(): number {
    return this.#table.opened.size
  }

  // Messages

  /** Queues a message; false, and nothing taken, when the stream is full. */
  queue(rank: number, message: Uint8Array): boolean {
    const stream = this.#table.wellKnown[rank]!
    if (!stream.queue(message)) return false
    this.#sender.update(stream)
    return true
  }

  /** True once after a refusal, when there is room again. */
  takeWritable(rank: number): boolean {
    return this.#table.wellKnown[rank]!.takeWritable()
  }

  // Streams of the application, by id; unknown ones are over

  /** Opens a stream. */
  open(header: StreamHeader): StreamHandle | StreamRefusal {
    if (!this.#ids.mayOpen) {
      this.#awaitsAllowance = true
      return 'limit'
    }
    const stream = this.#add(this.#ids.open())
    const handle = stream.open(header)
    this.#sender.update(stream)
    this.#context.recorder.connection.streamsOpened.add()
    return handle
  }

  write(id: number, bytes: Uint8Array): StreamWriteResult {
    const stream = this.#table.opened.get(id)
    if (stream === undefined) return 'closed'
    const result = stream.write(bytes)
    if (result === 'accepted') this.#sender.update(stream)
    return result
  }

  finish(id: number): void {
    const stream = this.#table.opened.get(id)
    if (stream === undefined) return
    stream.finish()
    this.#sender.update(stream)
    this.#settle(stream)
  }

  /** Gives up sending. */
  reset(id: number, code: number): void {
    const stream = this.#table.opened.get(id)
    if (stream === undefined) return
    if (stream.reset(code)) this.#notices.add({ type: 'reset-stream', stream: id })
    this.#settle(stream)
  }

  /** Gives up reading. */
  stop(id: number, code: number): void {
    const stream = this.#table.opened.get(id)
    if (stream === undefined) return
    if (stream.stop(code)) this.#notices.add({ type: 'stop-sending', stream: id })
    this.#settle(stream)
  }

  /** The reader has taken that many bytes. */
  consume(id: number, bytes: number): void {
    const stream = this.#table.opened.get(id)
    if (stream === undefined) return
    stream.consume(bytes)
    this.#settle(stream)
  }

  // Sending

  canSend(rank: number): boolean {
    return this.#sender.canSend(rank)
  }

  /** The rank has that many bytes to send, or something that gains nothing by waiting for more. */
  fills(rank: number, bytes: number): boolean {
    return this.#sender.fills(rank, bytes)
  }

  /** Fills the packet with STREAM frames of that priority. */
  writePieces(rank: number, draft: PacketDraft): void {
    this.#sender.write(rank, draft)
  }

  /** Something has to be said about streams, whatever the priority. */
  get noticesDue(): boolean {
    return this.#notices.isAnyDue
  }

  /** Appends what is due to be said, as far as there is room. */
  writeNotices(draft: PacketDraft, rttMs: number, nowMs: number): void {
    this.#notices.write(draft, rttMs, nowMs)
  }

  /** A packet with this has arrived. */
  acknowledged(frame: SentFrame): void {
    if (frame.type !== 'stream' && frame.type !== 'reset-stream') return
    const wellKnown = this.#table.wellKnown[frame.stream]
    const opened = this.#table.opened.get(frame.stream)
    if (frame.type === 'reset-stream') opened?.sending.resetAcknowledged()
    else (wellKnown ?? opened)?.sending.acknowledged(frame.piece)
    if (opened === undefined) return
    opened.acknowledged()
    this.#settle(opened)
  }

  /** What a lost packet carried is due again: streams by offset, all else in its latest form. */
  lost(frame: SentFrame): void {
    switch (frame.type) {
      case 'stream': {
        const stream = this.#table.get(frame.stream)
        if (stream === undefined) return
        stream.sending.lost(frame.piece)
        this.#sender.update(stream)
        return
      }
      case 'connection-credit':
      case 'stream-allowance':
      case 'stream-credit':
      case 'reset-stream':
      case 'stop-sending':
        this.#notices.add(frame)
        return
      case 'acknowledgement':
        return
      default:
        unreachable(frame)
    }
  }

  /**
   * Nobody will hear any more of the packets under way, because their keys or numbers are gone: what
   * was sent and not acknowledged is due again. The other end takes each byte once all the same.
   */
  everythingInFlightIsLost(): void {
    this.#notices.addAll()
    for (const stream of this.#table) {
      stream.sending.everythingInFlightIsLost()
      this.#sender.update(stream)
    }
  }

  /** The connection has ended for good. */
  connectionEnded(): void {
    for (const stream of this.#table.opened.values()) {
      stream.connectionEnded()
      if (stream.handle !== undefined) this.#directory.remove(stream.handle)
    }
    this.#table.opened.clear()
  }

  // Receiving

  /** Takes a frame about streams. A code when the peer broke a rule. */
  received(frame: StreamFrame): CloseCode | undefined {
    switch (frame.type) {
      case 'connection-credit':
        this.#sender.raiseLimit(frame.limit)
        return undefined
      case 'stream-allowance':
        this.#ids.raiseLimit(frame.limit)
        this.#tellAvailable()
        return undefined
      default:
        return this.#intake.received(frame)
    }
  }

  #tellMessages(stream: MessageStream): void {
    const { connection } = this.#context.recorder
    const { peer } = this.#options
    for (const message of stream.takeMessages()) {
      connection.messagesReceived.add()
      connection.messageBytesReceived.add(message.length)
      this.#outputs.push({ type: 'message', peer, stream: priorities[stream.rank]!, message })
    }
  }

  /** Whoever asked for a stream in vain may ask again. */
  #tellAvailable(): void {
    if (!this.#awaitsAllowance || !this.#ids.mayOpen) return
    this.#awaitsAllowance = false
    this.#outputs.push({ type: 'streams-available', peer: this.#options.peer })
  }

  #add(id: number): ApplicationStream {
    const stream = new ApplicationStream(id, this.#options.credit.streamBytes, this.#host)
    this.#table.opened.set(id, stream)
    return stream
  }

  /** After anything that may have moved credit on, or ended the stream. */
  #settle(stream: ApplicationStream): void {
    const { id, receiving } = stream
    const released = receiving.takeReleased()
    if (released > 0 && this.#credit.window.consume(released)) {
      this.#notices.add({ type: 'connection-credit' })
    }
    if (receiving.takeCreditDue()) this.#notices.add({ type: 'stream-credit', stream: id })
    if (stream.isOver) {
      this.#table.opened.delete(id)
      this.#sender.remove(stream)
      this.#notices.remove(id)
      this.#ids.closed(id)
      if (stream.handle !== undefined) this.#directory.remove(stream.handle)
      this.#tellAvailable()
    }
    if (this.#ids.isAllowanceDue) this.#notices.add({ type: 'stream-allowance' })
  }
}
