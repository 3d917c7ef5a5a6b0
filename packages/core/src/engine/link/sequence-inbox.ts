/**
 * What comes in on a channel that loses or reorders: contents in order, and the acknowledgements that
 * are owed for them (rules LK18, LK19 and LK24 of docs/specs/link.md).
 */

import type { EngineContext } from '../context.ts'
import { AcknowledgementTiming } from './acknowledgement-timing.ts'
import { heldBytesMax, ReceiveSequence, windowMessagesMax } from './receive-sequence.ts'
import {
  acknowledgementBytes,
  expandSequence,
  fitAcknowledgement,
  rangesThatFit,
} from './sequence-header.ts'
import type { Acknowledgement, ContentsPlace, SequencedMessage } from './sequence-header.ts'

/** See the file header. */
export class SequenceInbox {
  readonly #context: EngineContext
  /** Whether this end writes wide headers. */
  readonly #isWide: boolean
  readonly #received = new ReceiveSequence()
  readonly #timing = new AcknowledgementTiming()

  constructor(context: EngineContext, isWide: boolean) {
    this.#context = context
    this.#isWide = isWide
  }

  /** When an acknowledgement has to go, with contents or without. */
  get dueAtMs(): number {
    return this.#timing.dueAtMs
  }

  /** The other end is proven: more may be held for it than for a stranger. */
  proven(): void {
    this.#received.heldBytesMax = heldBytesMax
  }

  /** The next contents in order. */
  take(): Uint8Array | undefined {
    return this.#received.take()
  }

  /** A message with contents, or a part of them, came. */
  arrived({ isWide, atOnce, rest }: SequencedMessage, place: ContentsPlace, nowMs: number): void {
    const { link } = this.#context.recorder
    const received = this.#received
    const sequence = expandSequence(place.sequence, isWide, received.next)
    const isNext = sequence === received.end
    const { part, attempt } = place
    const intake = part
      ? received.receivePart(sequence, part.offset, part.total, rest)
      : received.receive(sequence, rest)
    if (intake === 'refused') link.messagesRefused.add()
    if (intake === 'duplicate') link.messagesDuplicate.add()
    const isThere = intake === 'taken' || intake === 'duplicate'
    // So old that nobody waits for its acknowledgement.
    if (!isThere || sequence < received.next - windowMessagesMax) return
    const isUrgent = atOnce || !isNext
    this.#timing.arrived({ sequence, attempt, bytes: rest.length, isUrgent }, nowMs)
  }

  /** The channel is about to end: what came is acknowledged without delay. */
  hurry(nowMs: number): void {
    this.#timing.hurry(nowMs)
  }

  /**
   * The acknowledgement that a message with contents carries along, in that many bytes at most; in
   * narrow messages only when it would need one of its own.
   */
  acknowledgementBeside(bytesMax: number, nowMs: number): Acknowledgement | undefined {
    const isWanted = this.#isWide ? this.#timing.isPending : nowMs >= this.#timing.dueAtMs
    const told = isWanted ? this.acknowledgement(bytesMax, nowMs) : undefined
    return told && acknowledgementBytes(told, this.#isWide) <= bytesMax ? told : undefined
  }

  /** What has arrived, with as many ranges as fit; nothing before the first message. */
  acknowledgement(bytesMax: number, nowMs: number): Acknowledgement | undefined {
    const { latest } = this.#timing
    if (!latest) return undefined
    const { next } = this.#received
    const told = {
      next,
      delayMs: nowMs - latest.atMs,
      latestOffset: latest.sequence - next,
      latestAttempt: latest.attempt,
      ranges: this.#received.ranges(rangesThatFit(this.#isWide, bytesMax)),
    }
    return fitAcknowledgement(told, this.#isWide, bytesMax)
  }

  /** An acknowledgement is on its way. */
  told(nowMs: number): void {
    this.#context.recorder.link.acknowledgementsSent.add()
    this.#timing.told(nowMs)
  }
}
