/** The outbox of one neighbour: encoding, sending and waiting until the stream takes more. */

import type { MessagePort } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import { encodeSyncMessage } from './sync-message-codec.ts'
import type { MessageEnds } from './sync-message-codec.ts'
import type { SyncMessage } from './sync-message.ts'

/**
 * Sends messages in order. Whoever produces them asks `blocked` first, so that at most one of each
 * kind waits here.
 */
export class Outbox {
  readonly #context: EngineContext
  readonly #messages: MessagePort
  readonly #ends: MessageEnds
  #waiting: Uint8Array[] = []

  constructor(context: EngineContext, messages: MessagePort, ends: MessageEnds) {
    this.#context = context
    this.#messages = messages
    this.#ends = ends
  }

  /** The stream is full; what is sent now waits. */
  get blocked(): boolean {
    return this.#waiting.length > 0
  }

  send(message: SyncMessage, nowMs: number): void {
    this.sendEncoded(this.encode(message), nowMs)
  }

  encode(message: SyncMessage): Uint8Array {
    return encodeSyncMessage(message, this.#ends)
  }

  sendEncoded(bytes: Uint8Array, nowMs: number): void {
    this.#waiting.push(bytes)
    if (this.#waiting.length === 1) this.flush(nowMs)
  }

  /** Hands over what waits, until the stream is full again. */
  flush(nowMs: number): void {
    let sent = 0
    for (const bytes of this.#waiting) {
      const result = this.#messages.send(this.#ends.to, 'sync', bytes, nowMs)
      if (result === 'full') break
      // Without a connection it is lost; everything is compared anew with the next one.
      sent += 1
      if (result === 'no-connection') continue
      this.#context.recorder.sync.messagesSent.add()
      this.#context.recorder.sync.messageBytesSent.add(bytes.length)
    }
    this.#waiting = this.#waiting.slice(sent)
  }
}
