/**
 * Messages of a channel that loses or reorders them: numbered, acknowledged, repeated, and given up
 * in order (rules LK17 to LK23 of docs/specs/link.md).
 *
 * Whatever comes that cannot be is counted and dropped: on such a channel anybody may be able to
 * send a message, and nothing in it is proven before a frame opens.
 */

import type { EngineContext } from '../context.ts'
import { AcknowledgementTiming } from './acknowledgement-timing.ts'
import type { Allowance, ChannelMessages } from './channel-messages.ts'
import { DeliveryRate } from './delivery-rate.ts'
import { priorityIndexes } from './frame.ts'
import type { PriorityIndex } from './frame.ts'
import { Outstanding } from './outstanding.ts'
import { Pacer } from './pacer.ts'
import { RateWindow } from './rate-window.ts'
import { heldBytesMax, ReceiveSequence, windowMessagesMax } from './receive-sequence.ts'
import { SendSequence } from './send-sequence.ts'
import type { Progress, SentMessage } from './send-sequence.ts'
import {
  acknowledgementBytes,
  attemptModulus,
  decodeSequencedMessage,
  encodeSequencedMessage,
  expandSequence,
  fitAcknowledgement,
  headerBytes,
  partBytesMax,
  rangesThatFit,
} from './sequence-header.ts'
import type { Acknowledgement, ContentsPlace, SequencedMessage } from './sequence-header.ts'

/** Messages from that length on have sequences of 32 bits: they can come fast, and have the room. */
const wideMessageBytesMin = 128

/** What urgent frames may be sent beyond the window of bulk data, as a part of that window. */
const urgentShare = 1 / 4

/** The same in messages, at least. */
const urgentMessagesMin = 2

/** Of a message with contents, an acknowledgement takes no more than this part. */
const acknowledgementShare = 1 / 2

/**
 * On a slow channel messages are only so long, in milliseconds of its bandwidth and in bytes: a window
 * of four of them is still short enough for a keystroke.
 */
const messageMsMax = 25
const shortMessageBytes = 256

const nothing = new Uint8Array(0)

/** Contents that are being repeated in parts. */
interface PartsUnderWay {
  readonly message: SentMessage
  readonly attempt: number
  offset: number
}

/** See the file header. */
export class SequencedMessages implements ChannelMessages {
  readonly #context: EngineContext
  readonly #messageBytes: number
  readonly #isWide: boolean
  readonly #outstanding = new Outstanding()
  readonly #received = new ReceiveSequence()
  readonly #timing = new AcknowledgementTiming()
  readonly #rate = new DeliveryRate()
  readonly #sequence: SendSequence
  readonly #window = new RateWindow()
  readonly #pacer = new Pacer()
  /** Something waits for the pacer alone. */
  #isPaced = false
  #parts: PartsUnderWay | undefined

  /** Messages are no longer than `messageBytes`. */
  constructor(context: EngineContext, messageBytes: number) {
    this.#context = context
    this.#messageBytes = messageBytes
    this.#isWide = messageBytes >= wideMessageBytesMin
    this.#sequence = new SendSequence({ messageLost: () => this.#messageLost() })
  }

  get rttMs(): number | undefined {
    return this.#sequence.roundTrip.smoothedMs
  }

  get bandwidthBytesPerSecond(): number | undefined {
    return this.#window.bandwidthBytesPerSecond
  }

  get lossRatio(): number | undefined {
    return this.#window.lossRatio
  }

  get isDelivered(): boolean {
    return this.#sequence.isDelivered
  }

  receive(bytes: Uint8Array, nowMs: number): boolean {
    const { link } = this.#context.recorder
    const message = decodeSequencedMessage(bytes)
    if (message === 'malformed' || message === 'cut') {
      if (message === 'cut') link.messagesCut.add()
      else link.messagesMalformed.add()
      return false
    }
    const { acknowledgement, place } = message
    if (acknowledgement) this.#acknowledged(acknowledgement, message.isWide, nowMs)
    if (place) this.#contentsReceived(place, message, nowMs)
    return true
  }

  take(): Uint8Array | undefined {
    return this.#received.take()
  }

  proven(): void {
    this.#received.heldBytesMax = heldBytesMax
  }

  transmitFirst(nowMs: number): Uint8Array | undefined {
    const messageBytes = this.#messageBytes
    if (!this.#outstanding.takes(messageBytes)) return undefined
    const part = this.#parts && this.#nextPart(this.#parts, nowMs)
    if (part) return part
    const due = this.#sequence.repeatDue()
    if (!due?.message.contents) return undefined
    const { message, isProbe } = due
    const { underWayBytes } = this.#sequence
    const wouldBeBytes = underWayBytes + message.wireBytes
    const isWithin = underWayBytes === 0 || wouldBeBytes <= this.#limitBytes(0)
    if (!isProbe && (!isWithin || !this.#passesPacer(nowMs))) return undefined
    this.#context.recorder.link.messagesRepeated.add()
    return this.#repeat(message, due.message.contents, isProbe, nowMs)
  }

  allowance(nowMs: number): Allowance | undefined {
    const messageBytes = this.#newMessageBytes
    const { underWayBytes } = this.#sequence
    if (!this.#outstanding.takes(messageBytes) || !this.#sequence.hasRoom(messageBytes))
      return undefined
    const lowest = priorityIndexes.findLast(
      (priority) =>
        underWayBytes === 0 || underWayBytes + messageBytes <= this.#limitBytes(priority),
    )
    if (lowest === undefined) return undefined
    const isUrgentOnly = lowest > 1 && !this.#passesPacer(nowMs)
    const told = this.#acknowledgementBeside(nowMs)
    const toldBytes = told ? acknowledgementBytes(told, this.#isWide) : 0
    const contentsBytes = messageBytes - this.#headerBytes() - toldBytes
    return { contentsBytes, lowest: isUrgentOnly ? 1 : lowest }
  }

  wrap(contents: Uint8Array, nowMs: number): Uint8Array {
    const place = { sequence: this.#sequence.next, attempt: 0 }
    const acknowledgement = this.#acknowledgementBeside(nowMs)
    const bytes = this.#write({ place, acknowledgement, rest: contents }, nowMs)
    const snapshot = this.#rate.snapshot(this.#sequence.underWayBytes === 0, nowMs)
    this.#sequence.sent(contents, bytes.length, snapshot)
    return bytes
  }

  idle(): void {
    this.#rate.senderIdle(this.#sequence.underWayBytes)
  }

  transmitLast(isEnding: boolean, nowMs: number): Uint8Array | undefined {
    if (isEnding) this.#timing.hurry(nowMs)
    if (nowMs < this.#timing.dueAtMs || !this.#outstanding.takes(this.#messageBytes))
      return undefined
    const acknowledgement = this.#acknowledgement(this.#messageBytes - 1, nowMs)
    return this.#write({ acknowledgement, rest: nothing }, nowMs)
  }

  sent(bytes: number): void {
    this.#outstanding.sent(bytes)
    this.#pacer.left(bytes)
  }

  drained(totalBytes: number): void {
    this.#outstanding.drained(totalBytes)
  }

  nextDeadlineMs(): number {
    const pace = this.#isPaced ? this.#pace() : undefined
    const pacedAtMs = pace === undefined ? Number.POSITIVE_INFINITY : this.#pacer.allowsAtMs(pace)
    return Math.min(this.#timing.dueAtMs, this.#sequence.nextDeadlineMs(), pacedAtMs)
  }

  handleDeadline(nowMs: number): void {
    this.#isPaced = false
    const { timeouts } = this.#sequence
    this.#sequence.handleDeadline(nowMs)
    if (this.#sequence.timeouts > timeouts) this.#context.recorder.link.repeatTimeouts.add()
  }

  #acknowledged(told: Acknowledgement, isWide: boolean, nowMs: number): void {
    const { link } = this.#context.recorder
    const progress = this.#sequence.acknowledge(told, isWide, nowMs)
    if (progress === 'impossible') {
      link.acknowledgementsIgnored.add()
      return
    }
    if (progress.messages > 0) this.#progressed(progress, nowMs)
  }

  #progressed(progress: Progress, nowMs: number): void {
    const { bytes, newest, rttMs, inVain } = progress
    this.#rate.delivered(bytes, nowMs)
    if (rttMs !== undefined) this.#context.recorder.link.messageRttMs.observe(rttMs)
    if (inVain > 0) {
      this.#context.recorder.link.messagesRepeatedInVain.add(inVain)
      this.#window.lostInVain(inVain)
    }
    const windowProgress = {
      bytes,
      messages: progress.messages,
      rttMs,
      sample: newest && this.#rate.sample(newest, this.#window.leastRttMs),
      smoothedRttMs: this.#sequence.roundTrip.expectedMs,
      underWayBytes: this.#sequence.underWayBytes,
    }
    this.#window.acknowledged(windowProgress, nowMs)
  }

  #messageLost(): void {
    this.#context.recorder.link.messagesLost.add()
    this.#window.lost()
  }

  #contentsReceived(place: ContentsPlace, message: SequencedMessage, nowMs: number): void {
    const { link } = this.#context.recorder
    const received = this.#received
    const { rest } = message
    const sequence = expandSequence(place.sequence, message.isWide, received.next)
    const isNext = sequence === received.end
    const { part } = place
    const intake = part
      ? received.receivePart(sequence, part.offset, part.total, rest)
      : received.receive(sequence, rest)
    if (intake === 'refused') link.messagesRefused.add()
    if (intake === 'duplicate') link.messagesDuplicate.add()
    const isKnown = intake === 'taken' || intake === 'duplicate'
    // So old that no honest acknowledgement is still waited for.
    if (!isKnown || sequence < received.next - windowMessagesMax) return
    const { attempt } = place
    const isUrgent = message.atOnce || !isNext
    this.#timing.arrived({ sequence, attempt, bytes: rest.length, isUrgent }, nowMs)
  }

  /** Whether the pacer lets a message pass; else it is asked again in time. */
  #passesPacer(nowMs: number): boolean {
    const passes = this.#pacer.allows(this.#newMessageBytes, this.#pace(), nowMs)
    this.#isPaced = !passes
    return passes
  }

  #pace(): number | undefined {
    return this.#window.pacingBytesPerMs(this.#newMessageBytes)
  }

  /** Length of messages with new contents: on slow channels shorter than they could be. */
  get #newMessageBytes(): number {
    const { bandwidthBytesPerSecond } = this.#window
    if (bandwidthBytesPerSecond === undefined) return this.#messageBytes
    const quickBytes = Math.floor((bandwidthBytesPerSecond / 1000) * messageMsMax)
    return Math.min(this.#messageBytes, Math.max(shortMessageBytes, quickBytes))
  }

  /** What may be under way when a message of that priority is added. */
  #limitBytes(priority: PriorityIndex): number {
    const messageBytes = this.#newMessageBytes
    const windowBytes = this.#window.bytes(messageBytes)
    const urgentBytes = Math.max(windowBytes * urgentShare, messageBytes * urgentMessagesMin)
    return windowBytes + (urgentBytes * (3 - priority)) / 3
  }

  #headerBytes(): number {
    return headerBytes(this.#isWide, false)
  }

  #repeat(
    message: SentMessage,
    contents: Uint8Array,
    isProbe: boolean,
    nowMs: number,
  ): Uint8Array | undefined {
    const { sequence } = message
    const attempt = message.attempts % attemptModulus
    const snapshot = this.#rate.snapshot(this.#sequence.underWayBytes === 0, nowMs)
    const roomBytes = this.#messageBytes - this.#headerBytes() - contents.length
    if (roomBytes < 0) {
      this.#sequence.repeated(message, message.wireBytes, snapshot)
      this.#parts = { message, attempt, offset: 0 }
      return this.#nextPart(this.#parts, nowMs)
    }
    const acknowledgement = this.#acknowledgementBeside(nowMs, roomBytes)
    const place = { sequence, attempt }
    const bytes = this.#write({ place, acknowledgement, atOnce: isProbe, rest: contents }, nowMs)
    this.#sequence.repeated(message, bytes.length, snapshot)
    return bytes
  }

  /** The next part of contents that no longer fit one message; undefined when there are no more. */
  #nextPart(parts: PartsUnderWay, nowMs: number): Uint8Array | undefined {
    const { message, attempt, offset } = parts
    const { contents, sequence } = message
    if (!contents || offset >= contents.length) {
      this.#parts = undefined
      return undefined
    }
    const partBytes = this.#messageBytes - this.#headerBytes() - partBytesMax
    const rest = contents.subarray(offset, offset + partBytes)
    parts.offset += rest.length
    const isLast = parts.offset === contents.length
    const place = { sequence, attempt, part: { offset, total: contents.length } }
    return this.#write({ place, acknowledgement: undefined, atOnce: isLast, rest }, nowMs)
  }

  /** The acknowledgement that a message with contents carries along, in that much room at most. */
  #acknowledgementBeside(
    nowMs: number,
    roomBytes = Number.POSITIVE_INFINITY,
  ): Acknowledgement | undefined {
    const timing = this.#timing
    // In narrow messages, only when it would need one of its own.
    if (!timing.isPending || (!this.#isWide && nowMs < timing.dueAtMs)) return undefined
    const bytesMax = Math.min(roomBytes, this.#messageBytes * acknowledgementShare)
    const told = this.#acknowledgement(bytesMax, nowMs)
    return told && acknowledgementBytes(told, this.#isWide) <= bytesMax ? told : undefined
  }

  #acknowledgement(bytesMax: number, nowMs: number): Acknowledgement | undefined {
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

  #write(
    message: Pick<SequencedMessage, 'rest'> & {
      readonly place?: ContentsPlace
      readonly acknowledgement: Acknowledgement | undefined
      readonly atOnce?: boolean
    },
    nowMs: number,
  ): Uint8Array {
    const { place, acknowledgement, atOnce = false, rest } = message
    if (acknowledgement) {
      this.#timing.told(nowMs)
      this.#context.recorder.link.acknowledgementsSent.add()
    }
    return encodeSequencedMessage({
      isWide: this.#isWide,
      atOnce,
      ...(place && { place }),
      ...(acknowledgement && { acknowledgement }),
      isProbe: false,
      hasLength: false,
      rest,
    })
  }
}
