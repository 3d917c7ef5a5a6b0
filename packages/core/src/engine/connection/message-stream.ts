/**
 * A well-known stream: messages in both directions from the beginning to the end of the connection
 * (rules ST3, ST4, ST9 and ST10).
 */

import { ByteWriter } from '../bytes/writer.ts'
import type { CloseCode } from './connection-output.ts'
import { MessageAssembler } from './message-assembler.ts'
import { ReceiveStream } from './receive-stream.ts'
import { SendStream } from './send-stream.ts'

/** A stream takes messages while it holds less than this unsent. */
export const unsentBytesMax = 1024 * 1024

/** Its id is the rank of its priority. */
export class MessageStream {
  readonly rank: number
  readonly sending: SendStream
  readonly receiving: ReceiveStream
  readonly #assembler = new MessageAssembler()
  #messages: Uint8Array[] = []
  /** A message was refused, and nobody has been told that there is room again. */
  #refused = false

  /** `limit`: how far the peer's first credit reaches. */
  constructor(rank: number, limit: number) {
    this.rank = rank
    this.sending = new SendStream(rank, limit)
    this.receiving = new ReceiveStream({ take: (bytes) => this.#take(bytes) })
  }

  /** Memory of what has arrived incomplete: at most a window and a message. */
  get receiveBufferBytes(): number {
    return this.receiving.heldBytes + this.#assembler.allocatedBytes
  }

  /** Queues one message, with its length before it; false, and nothing taken, when full. */
  queue(message: Uint8Array): boolean {
    if (this.sending.unsentBytes >= unsentBytesMax) {
      this.#refused = true
      return false
    }
    this.sending.write(new ByteWriter(4).varint(message.length).finish())
    this.sending.write(message)
    return true
  }

  /** True once after a refusal, when there is room again. */
  takeWritable(): boolean {
    if (!this.#refused || this.sending.unsentBytes >= unsentBytesMax) return false
    this.#refused = false
    return true
  }

  /** The messages that have become complete since the last call. */
  takeMessages(): readonly Uint8Array[] {
    const messages = this.#messages
    if (messages.length > 0) this.#messages = []
    return messages
  }

  /** Messages take what arrives in order at once, and so it is consumed. */
  #take(bytes: Uint8Array): CloseCode | undefined {
    if (!this.#assembler.push(bytes, this.#messages)) return 'message'
    this.receiving.consume(bytes.length)
    return undefined
  }
}
