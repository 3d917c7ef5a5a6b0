/**
 * What goes out on one channel: the session's own frames, then hellos, then frames of the mesh by
 * priority, in messages as large as the channel takes and its credit allows (rules FR5 and LK11 of
 * docs/specs/link.md).
 *
 * Invariant: a frame that was given up half-way is never gone on with here.
 */

import type { EngineContext } from '../context.ts'
import { noiseMessageBytesMax } from '../noise/cipher-state.ts'
import { ChannelCredit, controlMessageBytesMax } from './channel-credit.ts'
import { priorityIndexes } from './frame.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { encodeHello } from './hello.ts'
import type { Liveness } from './liveness.ts'
import type { SendQueue } from './send-queue.ts'

/** Largest message, in bytes: small frames are gathered up to it, and a longer one breaks a rule. */
export const messageBytesMax = noiseMessageBytesMax

/** The sending half of one channel. */
export class ChannelSender {
  /** Mesh frames were sent on it: they may be lost when it ends without a farewell. */
  carriedFrames = false
  /** Frames were given up half-way (`takeBack`): the other end waits for their rest in vain. */
  gaveUpFrames = false
  readonly #context: EngineContext
  readonly #messageBytesMax: number
  readonly #packer: FramePacker
  readonly #credit = new ChannelCredit()
  readonly #ownFrames: OutgoingFrame[] = []

  /** Messages are no longer than `channelBytesMax`; the cipher is the session's. */
  constructor(context: EngineContext, channelBytesMax: number, cipher: FrameCipher) {
    this.#context = context
    this.#messageBytesMax = Math.min(channelBytesMax, messageBytesMax)
    this.#packer = new FramePacker(cipher)
  }

  /** Every frame of the session's own has left. */
  get saidAll(): boolean {
    return this.#ownFrames.length === 0 && !this.#packer.isUnderWay(0)
  }

  /** Sends a frame of the session's own before all others. */
  say(frame: OutgoingFrame): void {
    this.#ownFrames.push(frame)
  }

  /** Forgets what the session has not said yet. */
  fallSilent(): void {
    this.#ownFrames.length = 0
  }

  /** Cumulative, as the driver reports it. */
  drained(totalBytes: number): void {
    this.#credit.drained(totalBytes)
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
    const { link } = this.#context.recorder
    const wasWaiting = this.#credit.waiting
    const allowance = this.#credit.allowance(this.#messageBytesMax)
    if (!wasWaiting && this.#credit.waiting) link.creditWaits.add()
    if (allowance === 'none') {
      liveness?.hold(nowMs)
      return undefined
    }
    const isControl = allowance === 'control'
    const bytesMax = isControl
      ? Math.min(this.#messageBytesMax, controlMessageBytesMax)
      : this.#messageBytesMax
    const message = this.#packer.pack(bytesMax, isControl || !liveness ? 0 : 3, (priority) =>
      this.#nextFrame(priority, queue, liveness, nowMs),
    )
    if (!message) return undefined
    this.#credit.sent(message.length)
    link.messagesSent.add()
    link.bytesSent.add(message.length)
    return message
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
