/**
 * What a channel delivers, in the order and manner that the contract of channels asks for.
 *
 * A transport puts in what its pipe yields; the inbox keeps messages until handlers are attached,
 * delivers the end exactly once and last, and never calls a handler from inside `send` or `close`.
 */

import type { ChannelCloseReason, ChannelHandlers } from '../transport/channel.ts'

/** Bytes kept for handlers not attached yet; one message may be longer. The contract's number. */
export const earlyBytesMax = 64 * 1024

export class ChannelInbox {
  #handlers: ChannelHandlers | undefined
  readonly #early: Uint8Array[] = []
  #earlyBytes = 0
  #closeReason: ChannelCloseReason | undefined
  #deliveryScheduled = false
  #ended = false

  /** Whether an end was announced: nothing put in afterwards is delivered. */
  get closed(): boolean {
    return this.#closeReason !== undefined
  }

  /**
   * Takes one message, whose bytes are the handlers' from now on. Called from the event loop.
   * `overflow`: nothing was taken, since nobody attached in time; the channel is to be closed.
   */
  receive(bytes: Uint8Array): 'taken' | 'overflow' {
    if (this.closed) return 'taken'
    if (this.#handlers && this.#early.length === 0) {
      this.#handlers.received(bytes)
      return 'taken'
    }
    if (this.#early.length > 0 && this.#earlyBytes + bytes.length > earlyBytesMax) return 'overflow'
    this.#early.push(bytes)
    this.#earlyBytes += bytes.length
    return 'taken'
  }

  /** Tells that the channel takes messages again. Called from the event loop. */
  drained(): void {
    if (!this.closed) this.#handlers?.drained()
  }

  /**
   * Announces the end. The first reason counts. Messages taken before are delivered first, unless
   * this end closed: then nobody waits for them.
   */
  close(reason: ChannelCloseReason): void {
    if (this.#closeReason !== undefined) return
    this.#closeReason = reason
    if (reason === 'local') this.#early.length = 0
    this.#scheduleDelivery()
  }

  attach(handlers: ChannelHandlers): void {
    if (this.#handlers) throw new Error('A channel takes its handlers once')
    this.#handlers = handlers
    if (this.#early.length > 0 || this.closed) this.#scheduleDelivery()
  }

  #scheduleDelivery(): void {
    if (this.#deliveryScheduled || !this.#handlers) return
    this.#deliveryScheduled = true
    queueMicrotask(() => {
      this.#deliveryScheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const handlers = this.#handlers
    if (!handlers || this.#ended) return
    // Taken one by one: a handler may close the channel, and then the rest is not for it.
    for (let bytes = this.#early.shift(); bytes; bytes = this.#early.shift()) {
      this.#earlyBytes -= bytes.length
      handlers.received(bytes)
    }
    if (this.#closeReason !== undefined) {
      this.#ended = true
      handlers.closed(this.#closeReason)
    }
  }
}
