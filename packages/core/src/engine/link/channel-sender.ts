/**
 * What goes out on one channel: the session's own frames, then hellos, then frames of the mesh by
 * priority, in messages as large as the channel takes and its credit allows (rules FR5 and
 * FR12 of docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import type { ChannelMessages } from './channel-messages.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { encodeHello } from './hello.ts'
import type { Liveness } from './liveness.ts'

/** Says that the next key follows. */
const rekeyFrame: OutgoingFrame = { kind: 'rekey', payload: new Uint8Array(0) }

/** Where the mesh frames of a channel come from, while it is the one that carries them. */
export interface MeshFrames {
  /** The next frame of that priority; called only when it will be sent. */
  take(priority: PriorityIndex): OutgoingFrame | undefined
  /** What is to be acknowledged now, if anything is; something always is with a hello. */
  takeReceipt(withHello: boolean): OutgoingFrame | undefined
}

/** A frame of the session's own; another one for the same slot takes its place while it waits. */
interface OwnFrame {
  frame: OutgoingFrame
  readonly slot: string | undefined
}

/** The sending half of one channel. */
export class ChannelSender {
  /** Nothing follows but the farewell. */
  isEnding = false
  readonly #context: EngineContext
  readonly #messages: ChannelMessages
  readonly #cipher: FrameCipher
  readonly #packer: FramePacker
  readonly #ownFrames: OwnFrame[] = []

  /** Messages and cipher are the session's. */
  constructor(context: EngineContext, messages: ChannelMessages, cipher: FrameCipher) {
    this.#context = context
    this.#messages = messages
    this.#cipher = cipher
    this.#packer = new FramePacker(cipher)
  }

  /** Every frame of the session's own has left, and has arrived where that is told. */
  get saidAll(): boolean {
    const isSaid = this.#ownFrames.length === 0 && !this.#packer.isUnderWay(0)
    return isSaid && this.#messages.isDelivered
  }

  /**
   * Sends a frame of the session's own before all others. One that still waits for the same slot is
   * replaced where it stands, so that however often something is said anew, little waits.
   */
  say(frame: OutgoingFrame, slot?: string): void {
    const waiting = this.#ownFrames.find((own) => slot !== undefined && own.slot === slot)
    if (waiting) waiting.frame = frame
    else this.#ownFrames.push({ frame, slot })
  }

  /** Forgets what the session has not said yet. */
  fallSilent(): void {
    this.#ownFrames.length = 0
  }

  /**
   * The next message: with hellos only while the channel is usable and so has a `liveness`, with
   * mesh frames only where they are given.
   */
  transmit(
    meshFrames: MeshFrames | undefined,
    liveness: Liveness | undefined,
    nowMs: number,
  ): Uint8Array | undefined {
    const message =
      this.#messages.transmitFirst(nowMs) ??
      this.#transmitNew(meshFrames, liveness, nowMs) ??
      this.#messages.transmitLast(this.isEnding, nowMs)
    if (!message) return undefined
    const { link } = this.#context.recorder
    this.#messages.sent(message.length, nowMs)
    link.messagesSent.add()
    link.bytesSent.add(message.length)
    return message
  }

  #transmitNew(
    meshFrames: MeshFrames | undefined,
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
      this.#nextFrame(priority, meshFrames, liveness, nowMs),
    )
    if (contents) return this.#messages.wrap(contents, nowMs)
    if (allowance.lowest === 3) this.#messages.idle()
    return undefined
  }

  #nextFrame(
    priority: PriorityIndex,
    meshFrames: MeshFrames | undefined,
    liveness: Liveness | undefined,
    nowMs: number,
  ): OutgoingFrame | undefined {
    if (priority === 0) {
      if (liveness && this.#cipher.takeRenewal(nowMs)) {
        this.#context.recorder.link.rekeysSent.add()
        return rekeyFrame
      }
      const own = this.#ownFrames.shift()
      if (own) return own.frame
      const control = this.#messages.takeControl()
      if (control) return { kind: 'link-control', payload: control }
      const hello = liveness?.takeHello(nowMs)
      const receipt = liveness && meshFrames?.takeReceipt(hello !== undefined)
      if (hello && receipt) this.say(receipt)
      if (hello) return { kind: 'hello', payload: encodeHello(hello) }
      if (receipt) return receipt
    }
    const frame = liveness && meshFrames?.take(priority)
    if (frame) liveness.dataSent(nowMs)
    return frame
  }
}
