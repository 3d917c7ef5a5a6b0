/**
 * What goes out on one channel: the session's own frames, then hellos, then frames of the mesh by
 * priority, in messages as large as the channel takes and its credit allows (rule FR5 of
 * docs/specs/link.md).
 *
 * Invariant: a frame that was given up half-way is never gone on with here.
 */

import type { EngineContext } from '../context.ts'
import type { ChannelMessages } from './channel-messages.ts'
import { priorityIndexes } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { encodeHello } from './hello.ts'
import type { Liveness } from './liveness.ts'
import type { SendQueue } from './send-queue.ts'

/** The sending half of one channel. */
export class ChannelSender {
  /** Mesh frames were sent on it: they may be lost when it ends without a farewell. */
  carriedFrames = false
  /** Frames were given up half-way (`takeBack`): the other end waits for their rest in vain. */
  gaveUpFrames = false
  /** The farewell is on its way or has left: what came is acknowledged without delay. */
  isEnding = false
  readonly #context: EngineContext
  readonly #messages: ChannelMessages
  readonly #packer: FramePacker
  readonly #ownFrames: OutgoingFrame[] = []

  /** Messages and cipher are the session's. */
  constructor(context: EngineContext, messages: ChannelMessages, cipher: FrameCipher) {
    this.#context = context
    this.#messages = messages
    this.#packer = new FramePacker(cipher)
  }

  /** Every frame of the session's own has left, and has arrived where that is told. */
  get saidAll(): boolean {
    const isSaid = this.#ownFrames.length === 0 && !this.#packer.isUnderWay(0)
    return isSaid && this.#messages.isDelivered
  }

  /** Sends a frame of the session's own before all others. */
  say(frame: OutgoingFrame): void {
    this.#ownFrames.push(frame)
  }

  /** Forgets what the session has not said yet. */
  fallSilent(): void {
    this.#ownFrames.length = 0
  }

  /**
   * Gives up frames under way, to be sent from their start on another channel. Not those of the
   * control priority: the farewell follows them, so they are finished here.
   */
  takeBack(queue: SendQueue): void {
    for (const priority of priorityIndexes) {
      const frame = priority === 0 ? undefined : this.#packer.takeBack(priority)
      if (!frame) continue
      queue.putBack(priority, frame)
      this.gaveUpFrames = true
    }
  }

  /**
   * The next message: with hellos only while the channel is usable and so has a `liveness`, with
   * mesh frames only from a queue.
   */
  transmit(
    queue: SendQueue | undefined,
    liveness: Liveness | undefined,
    nowMs: number,
  ): Uint8Array | undefined {
    const message =
      this.#messages.transmitFirst(nowMs) ??
      this.#transmitNew(queue, liveness, nowMs) ??
      this.#messages.transmitLast(this.isEnding, nowMs)
    if (!message) return undefined
    const { link } = this.#context.recorder
    this.#messages.sent(message.length, nowMs)
    link.messagesSent.add()
    link.bytesSent.add(message.length)
    return message
  }

  #transmitNew(
    queue: SendQueue | undefined,
    liveness: Liveness | undefined,
    nowMs: number,
  ): Uint8Array | undefined {
    const allowance = this.#messages.allowance(nowMs)
    if (!allowance) {
      liveness?.hold(nowMs)
      return undefined
    }
    const lowest = liveness ? allowance.lowest : 0
    const contents = this.#packer.pack(allowance.contentsBytes, lowest, (priority) =>
      this.#nextFrame(priority, queue, liveness, nowMs),
    )
    if (contents) return this.#messages.wrap(contents, nowMs)
    if (allowance.lowest === 3) this.#messages.idle()
    return undefined
  }

  #nextFrame(
    priority: PriorityIndex,
    queue: SendQueue | undefined,
    liveness: Liveness | undefined,
    nowMs: number,
  ): OutgoingFrame | undefined {
    if (priority === 0) {
      const own = this.#ownFrames.shift()
      if (own) return own
      const hello = liveness?.takeHello(nowMs)
      if (hello) return { kind: 'hello', payload: encodeHello(hello) }
    }
    const frame = liveness && queue?.take(priority)
    if (!frame) return undefined
    this.carriedFrames = true
    liveness.dataSent(nowMs)
    return frame
  }
}
