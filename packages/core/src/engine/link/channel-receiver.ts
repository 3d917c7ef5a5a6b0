/**
 * What comes in on one channel: messages taken apart into frames, and these opened (rules FR2 to
 * FR10 and FR12 of docs/specs/link.md). The counterpart of channel-sender.ts.
 *
 * Invariant: after a fault nothing more is given.
 */

import type { EngineContext } from '../context.ts'
import type { ChannelMessages } from './channel-messages.ts'
import { frameKindOf } from './frame.ts'
import type { IncomingFrame, PriorityIndex } from './frame.ts'
import { frameBodyBytesMax } from './frame-cipher.ts'
import type { FrameCipher } from './frame-cipher.ts'
import { FrameReassembler } from './frame-reassembler.ts'
import { messageBytesMax } from './messages-of-channel.ts'

/** Largest frame before the other end is proven, in bytes: what a stranger can make us hold. */
export const handshakeFrameBytesMax = 1024

/** A whole frame in clear. */
export interface OpenedFrame {
  readonly kindCode: number
  readonly priority: PriorityIndex
  readonly payload: Uint8Array
}

/** `malformed`: fragments or frames break a rule. `undecipherable`: a tag does not fit. */
export type ReceiveFault = 'malformed' | 'undecipherable'

/** The receiving half of one channel. */
export class ChannelReceiver {
  /**
   * A farewell that does not open is read in clear: the other end may have refused the handshake,
   * and so has no keys (rule HS12).
   */
  believesClearFarewell = false
  /** Messages received so far. */
  receivedMessages = 0
  readonly #context: EngineContext
  readonly #messages: ChannelMessages
  readonly #cipher: FrameCipher
  readonly #reassembler = new FrameReassembler(handshakeFrameBytesMax)
  #fault: ReceiveFault | undefined

  /** Messages and cipher are the session's. */
  constructor(context: EngineContext, messages: ChannelMessages, cipher: FrameCipher) {
    this.#context = context
    this.#messages = messages
    this.#cipher = cipher
  }

  /** Why it gives no more. */
  get fault(): ReceiveFault | undefined {
    return this.#fault
  }

  /** The other end is proven: frames of full length are taken. */
  proven(): void {
    this.#reassembler.bodyBytesMax = frameBodyBytesMax
  }

  /**
   * Takes the next message; then `next` until it gives nothing. True when the message shows that the
   * other end lives.
   */
  load(message: Uint8Array, nowMs: number): boolean {
    const { link } = this.#context.recorder
    this.receivedMessages += 1
    link.messagesReceived.add()
    link.bytesReceived.add(message.length)
    if (message.length <= messageBytesMax) return this.#messages.receive(message, nowMs)
    this.#fail('malformed')
    return false
  }

  /** Forgets what `load` took: the channel is over for frames. */
  discard(): void {
    while (this.#messages.take());
  }

  /** The next whole frame of the message. */
  next(): OpenedFrame | undefined {
    if (this.#fault !== undefined) return undefined
    const { link } = this.#context.recorder
    const frame = this.#nextFrame()
    if (!frame) {
      if (this.#reassembler.fault !== undefined) this.#fail('malformed')
      return undefined
    }
    link.framesReceived.add()
    const { kindCode, priority, body } = frame
    const isFarewell = frameKindOf(kindCode) === 'close'
    const inClear = this.believesClearFarewell && isFarewell ? body : undefined
    const payload = this.#cipher.open(frame) ?? inClear
    if (payload) return { kindCode, priority, payload }
    this.#fail('undecipherable')
    return undefined
  }

  #nextFrame(): IncomingFrame | undefined {
    for (;;) {
      const frame = this.#reassembler.next()
      if (frame || this.#reassembler.fault !== undefined) return frame
      const contents = this.#messages.take()
      if (!contents) return undefined
      this.#reassembler.load(contents)
    }
  }

  /** The latest frame was of kind `rekey`, of that priority. */
  rekeyReceived(priority: PriorityIndex): void {
    const isAllowed =
      priority === 0 && this.#cipher.rekeyReceived((other) => this.#reassembler.isUnderWay(other))
    if (isAllowed) this.#context.recorder.link.rekeysReceived.add()
    else this.refuse()
  }

  /** A frame that was given breaks a rule after all. */
  refuse(): void {
    this.#fail('malformed')
  }

  #fail(fault: ReceiveFault): void {
    const { link } = this.#context.recorder
    this.#fault = fault
    if (fault === 'malformed') link.framesMalformed.add()
    else link.framesUndecipherable.add()
  }
}
