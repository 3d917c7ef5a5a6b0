/**
 * Both halves of finding out how long messages may be: probes of this end, and answers to those of
 * the other (rule LK26 of docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import { MessageSizing } from './message-sizing.ts'
import type { SizingOptions } from './message-sizing.ts'
import { decodeProbeAnswer, decodeSizeProbe, encodeProbeAnswer } from './size-probe.ts'
import type { ProbeFields } from './size-probe.ts'

/** See the file header. Nothing is probed before the other end is proven, and has proven this one. */
export class SizeProbing {
  readonly sizing: MessageSizing
  readonly #context: EngineContext
  /** Its probes are answered. */
  #isProven = false
  #isStarted = false
  /** The latest probe that is not answered yet. */
  #unanswered: ProbeFields | undefined

  constructor(context: EngineContext, options: SizingOptions) {
    this.#context = context
    this.sizing = new MessageSizing(options)
  }

  /** The other end is proven, and what comes may be a probe. */
  get isProven(): boolean {
    return this.#isProven
  }

  /** The other end is proven. */
  proven(): void {
    this.#isProven = true
  }

  /** Something came: the first thing after the proof shows that the other end will answer. */
  heard(nowMs: number): void {
    if (!this.#isProven || this.#isStarted) return
    this.#isStarted = true
    this.sizing.start(nowMs)
  }

  /** The probe to send now, if messages of its length are of use. */
  takeProbe(usefulBytes: number, nowMs: number): ProbeFields | undefined {
    const probe = this.sizing.takeProbe(usefulBytes, nowMs)
    if (probe) this.#context.recorder.link.sizeProbes.add()
    return probe
  }

  /** A probe came, in a message of that length; one that cannot be read is dropped. */
  received(probe: Uint8Array, messageBytes: number): void {
    const fields = this.#isProven ? decodeSizeProbe(probe) : undefined
    if (!fields || messageBytes > fields.messageBytes) {
      this.#context.recorder.link.messagesMalformed.add()
      return
    }
    this.#unanswered = { number: fields.number, messageBytes }
  }

  /** Payload of the `link-control` frame that is to be sent, once. */
  takeAnswer(): Uint8Array | undefined {
    const answer = this.#unanswered
    this.#unanswered = undefined
    return answer && encodeProbeAnswer(answer)
  }

  /** A `link-control` frame came; false when it is of another type. */
  answered(payload: Uint8Array, nowMs: number): boolean {
    const answer = decodeProbeAnswer(payload)
    if (answer) this.sizing.answered(answer, nowMs)
    return answer !== undefined
  }
}
