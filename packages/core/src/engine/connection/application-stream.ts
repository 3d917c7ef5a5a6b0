/**
 * A stream that an application opened, here or at the other end: what it is for, both directions, and
 * what its application has been told of it (rules ST13 to ST20).
 *
 * Invariant: nothing is told before `stream-opened`, nothing of a direction after its end, and
 * nothing at all after `stream-lost`.
 */

import { assert } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { priorities } from '../link/link-port.ts'
import type { CloseCode, ConnectionOutputs } from './connection-output.ts'
import { ReceiveStream } from './receive-stream.ts'
import { SendStream } from './send-stream.ts'
import { StreamBacklog } from './stream-backlog.ts'
import { encodeStreamHeader, StreamHeaderReader, type StreamHeader } from './stream-header.ts'
import {
  streamCodeMax,
  streamRefusedCode,
  streamStoppingCode,
  streamWriteBytesMax,
  type StreamHandle,
  type StreamOutput,
  type StreamWriteResult,
} from './stream-port.ts'

/** A writer that may be waiting is told each time that so many bytes have left. */
const drainReportBytes = 64 * 1024

/** What a stream needs of those around it. */
export interface StreamHost {
  readonly context: EngineContext
  readonly outputs: ConnectionOutputs
  /** Gives the stream a handle: from now on its application knows of it. */
  readonly name: (stream: ApplicationStream) => StreamHandle
  readonly tellOpened: (handle: StreamHandle, header: StreamHeader) => void
}

/** Both directions of one stream. */
export class ApplicationStream {
  readonly id: number
  readonly sending: SendStream
  readonly receiving: ReceiveStream
  readonly #host: StreamHost
  readonly #backlog: StreamBacklog
  #handle: StreamHandle | undefined
  #rank = 0
  /** Of the sending direction; the opener's alone has one. */
  #headerBytes = 0
  /** Until the other end's header is complete. */
  #header: StreamHeaderReader | undefined
  #drainedTold = 0
  #resetCode = 0
  #stopCode = 0
  #stopSent = false
  /** The other end stopped it before its header was complete. */
  #stoppedEarly: number | undefined
  /** Its application has finished or reset it. */
  #isLetGo = false
  #isReadOver = false
  #isWriteOver = false

  /** `limit`: how far the peer's first credit reaches. */
  constructor(id: number, limit: number, host: StreamHost) {
    this.id = id
    this.#host = host
    this.sending = new SendStream(id, limit)
    this.receiving = new ReceiveStream({ take: (bytes, isLasting) => this.#take(bytes, isLasting) })
    this.#backlog = new StreamBacklog((bytes) => {
      host.context.recorder.connection.streamBytesReceived.add(bytes.length)
      this.#tell({ type: 'stream-data', stream: this.#named(), bytes })
    })
  }

  /** Memory of what has arrived and was not told of. */
  get receiveBufferBytes(): number {
    return this.receiving.heldBytes + this.#backlog.heldBytes
  }

  /** Of its application; undefined while that does not know of it. */
  get handle(): StreamHandle | undefined {
    return this.#handle
  }

  /** Of its priority. */
  get rank(): number {
    return this.#rank
  }

  /** What the reset of the sending direction says. */
  get resetCode(): number {
    return this.#resetCode
  }

  /** What the request to stop says. */
  get stopCode(): number {
    return this.#stopCode
  }

  /** The request to stop sending has not lost its point. */
  get wantsStop(): boolean {
    return this.#stopSent && !this.receiving.isOver
  }

  /**
   * Both directions are over at both ends, and for the application: what still arrives is late. A
   * stream that the other end ended waits for its application, so that no peer can have more streams
   * told of than it is allowed.
   */
  get isOver(): boolean {
    const { state } = this.sending
    const isSendingOver = state === 'data-received' || state === 'reset-received'
    return isSendingOver && this.#isLetGo && this.receiving.isOver
  }

  // For the application

  /** Opens it from this end: the header goes first. */
  open(header: StreamHeader): StreamHandle {
    const bytes = encodeStreamHeader(header)
    this.#headerBytes = bytes.length
    this.#rank = priorities.indexOf(header.priority)
    this.#handle = this.#host.name(this)
    this.sending.write(bytes)
    return this.#handle
  }

  /** Makes it one that the other end opens: its header comes first. */
  expectHeader(): void {
    this.#header = new StreamHeaderReader()
  }

  write(bytes: Uint8Array): StreamWriteResult {
    if (this.#isWriteOver || this.sending.state !== 'send') return 'closed'
    if (this.sending.unsentBytes > streamWriteBytesMax + this.#headerBytes) return 'full'
    this.sending.write(bytes)
    return 'accepted'
  }

  /** No more bytes follow. */
  finish(): void {
    this.#isLetGo = true
    this.sending.finish()
  }

  /** Gives up sending; true when the other end has to be told. */
  reset(code: number): boolean {
    this.#isLetGo = true
    this.#isWriteOver = true
    if (!this.sending.reset()) return false
    this.#resetCode = code
    return true
  }

  /** Gives up reading; true when the other end has to be told. */
  stop(code: number): boolean {
    this.#isReadOver = true
    if (this.#stopSent) return false
    this.receiving.stop()
    this.#backlog.drop()
    if (this.receiving.isOver) return false
    this.#stopCode = code
    this.#stopSent = true
    return true
  }

  /** The reader has taken, or dropped, that many bytes more of those it was told of. */
  consume(bytes: number): void {
    if (this.#stopSent) return
    this.receiving.consume(bytes)
    this.#backlog.taken(bytes)
    this.#tellFinished()
  }

  // From the connection

  /** Takes the data of a frame. */
  received(offset: number, data: Uint8Array, fin: boolean): CloseCode | undefined {
    const violation = this.receiving.receive(offset, data, fin)
    if (violation !== undefined) return violation
    if (this.receiving.isAllTold && this.#handle === undefined) return 'stream'
    this.#tellFinished()
    return undefined
  }

  /** The other end gave up sending. */
  resetReceived(code: number, finalSize: number): CloseCode | undefined {
    const violation = this.receiving.resetReceived(finalSize)
    if (violation !== undefined || this.#isReadOver || !this.receiving.isReset) return violation
    this.#isReadOver = true
    this.#host.context.recorder.connection.streamsReset.add()
    // Of no use to anybody: what the reader holds already is all that it gets.
    this.receiving.consume(this.#backlog.drop())
    if (this.#handle === undefined) {
      // What it was for nobody will know: the other direction has no use either.
      this.#header = undefined
    } else this.#tell({ type: 'stream-reset', stream: this.#handle, code: toldCode(code) })
    return undefined
  }

  /** Nobody will ever know what it was for. */
  get isNameless(): boolean {
    return this.#handle === undefined && this.#header === undefined
  }

  /** The other end gave up reading; true when it has to be told of the reset that answers. */
  stopReceived(code: number): boolean {
    if (!this.sending.reset()) return false
    this.#resetCode = code
    if (this.#isWriteOver) return true
    this.#isWriteOver = true
    this.#host.context.recorder.connection.streamsStopped.add()
    if (this.#handle === undefined) this.#stoppedEarly = code
    else this.#tell({ type: 'stream-stopped', stream: this.#handle, code: toldCode(code) })
    return true
  }

  /** Bytes have been put into a packet: tells a writer that may be waiting. */
  drained(): void {
    const drainedBytes = Math.max(0, this.sending.sentEnd - this.#headerBytes)
    if (drainedBytes - this.#drainedTold < drainReportBytes || this.#isWriteOver) return
    this.#drainedTold = drainedBytes
    this.#tell({ type: 'stream-drained', stream: this.#named(), drainedBytes })
  }

  /** Something of it has been acknowledged: tells when that was the last. */
  acknowledged(): void {
    if (this.sending.state !== 'data-received' || this.#isWriteOver) return
    this.#isWriteOver = true
    this.#tell({ type: 'stream-delivered', stream: this.#named() })
  }

  /** The connection has ended. */
  connectionEnded(): void {
    if (this.#handle === undefined || (this.#isReadOver && this.#isWriteOver)) return
    this.#isReadOver = true
    this.#isWriteOver = true
    this.#tell({ type: 'stream-lost', stream: this.#handle })
  }

  #take(bytes: Uint8Array, isLasting: boolean): CloseCode | undefined {
    const taken = this.#header?.take(bytes) ?? 0
    if (taken > 0) {
      this.receiving.consume(taken)
      const violation = this.#headerReceived()
      if (violation !== undefined) return violation
    }
    if (taken === bytes.length) return undefined
    this.#backlog.push(taken === 0 ? bytes : bytes.subarray(taken), isLasting)
    return undefined
  }

  #tellFinished(): void {
    if (this.#isReadOver || !this.receiving.isAllTold || !this.#backlog.isEmpty) return
    this.#isReadOver = true
    this.#tell({ type: 'stream-finished', stream: this.#named() })
  }

  #headerReceived(): CloseCode | undefined {
    const reader = this.#header
    if (reader === undefined || reader.isMalformed) return 'stream'
    if (!reader.isComplete) return undefined
    const header = reader.decode()
    if (header === undefined) return 'stream'
    this.#header = undefined
    this.#rank = priorities.indexOf(header.priority)
    this.#handle = this.#host.name(this)
    this.#host.tellOpened(this.#handle, header)
    if (this.#stoppedEarly !== undefined) {
      const code = toldCode(this.#stoppedEarly)
      this.#tell({ type: 'stream-stopped', stream: this.#handle, code })
    }
    return undefined
  }

  #named(): StreamHandle {
    assert(this.#handle !== undefined, 'only a stream with a header carries bytes')
    return this.#handle
  }

  #tell(output: StreamOutput): void {
    this.#host.outputs.push(output)
  }
}

/** Codes above the application's that nobody knows yet say no more than that it was an engine's. */
function toldCode(code: number): number {
  if (code <= streamCodeMax || code === streamStoppingCode) return code
  return streamRefusedCode
}
