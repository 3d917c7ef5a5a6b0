/**
 * Messages of a channel that loses or reorders them: numbered, acknowledged, repeated, and given up
 * in order (rules LK17 to LK27 of docs/specs/link.md).
 *
 * Whatever comes that cannot be is counted and dropped: on such a channel anybody may be able to
 * send a message, and nothing in it is proven before a frame opens.
 */

import type { EngineContext } from '../context.ts'
import type { Allowance, ChannelMessages } from './channel-messages.ts'
import { priorityIndexes } from './frame.ts'
import type { SizingOptions } from './message-sizing.ts'
import { Outstanding } from './outstanding.ts'
import { SendPace } from './send-pace.ts'
import { SendSequence } from './send-sequence.ts'
import type { SentMessage } from './sent-message.ts'
import {
  acknowledgementBytes,
  attemptModulus,
  decodeSequencedMessage,
  encodeSequencedMessage,
  headerBytes,
  partBytesMax,
} from './sequence-header.ts'
import type { Acknowledgement, ContentsPlace, SequencedMessage } from './sequence-header.ts'
import { SequenceInbox } from './sequence-inbox.ts'
import { encodeSizeProbe } from './size-probe.ts'
import { SizeProbing } from './size-probing.ts'

/** Messages from that length on have sequences of 32 bits: they can come fast, and have the room. */
const wideMessageBytesMin = 128

/** Of a message with contents, an acknowledgement takes no more than this part. */
const acknowledgementShare = 1 / 2

/**
 * From the second timeout in a row on, and the third time that it was lost while others arrived, a
 * message is repeated in parts, half as long each time: it may be too long for the path. Parts are no
 * shorter than that, in bytes.
 */
const partingTimeouts = 2
const partingLosses = 3
const partBytesMin = 64

const nothing = new Uint8Array(0)

/** Contents that are being repeated in parts. */
interface PartsUnderWay {
  readonly message: SentMessage
  readonly attempt: number
  /** Length of the messages. */
  readonly messageBytes: number
  offset: number
}

/** See the file header. */
export class SequencedMessages implements ChannelMessages {
  readonly #context: EngineContext
  readonly #probing: SizeProbing
  readonly #isWide: boolean
  readonly #outstanding = new Outstanding()
  readonly #inbox: SequenceInbox
  readonly #sequence: SendSequence
  readonly #pace = new SendPace()
  #parts: PartsUnderWay | undefined
  /** Goes along with the contents that were allowed last. */
  #acknowledgementBeside: Acknowledgement | undefined

  constructor(context: EngineContext, sizing: SizingOptions) {
    this.#context = context
    this.#probing = new SizeProbing(context, sizing)
    this.#isWide = sizing.claimedBytes >= wideMessageBytesMin
    this.#inbox = new SequenceInbox(context, this.#isWide)
    this.#sequence = new SendSequence({
      messageLost: (message, nowMs) => this.#messageLost(message, nowMs),
    })
  }

  get rttMs(): number | undefined {
    return this.#sequence.roundTrip.smoothedMs
  }

  get bandwidthBytesPerSecond(): number | undefined {
    return this.#pace.bandwidthBytesPerSecond
  }

  get lossRatio(): number | undefined {
    return this.#pace.lossRatio
  }

  get messageBytes(): number {
    return this.#probing.sizing.bytes
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
    this.#probing.heard(nowMs)
    if (message.isProbe) this.#probing.received(message.rest, bytes.length)
    if (acknowledgement) this.#acknowledged(acknowledgement, message.isWide, nowMs)
    if (place) this.#inbox.arrived(message, place, nowMs)
    return true
  }

  take(): Uint8Array | undefined {
    return this.#inbox.take()
  }

  proven(): void {
    this.#inbox.proven()
    this.#probing.proven()
  }

  takeControl(): Uint8Array | undefined {
    return this.#probing.takeAnswer()
  }

  controlReceived(payload: Uint8Array, nowMs: number): boolean {
    return this.#probing.answered(payload, nowMs)
  }

  transmitFirst(nowMs: number): Uint8Array | undefined {
    if (!this.#outstanding.takes(this.messageBytes)) return undefined
    const part = this.#parts && this.#nextPart(this.#parts, nowMs)
    if (part) return part
    const due = this.#sequence.repeatDue()
    const contents = due?.message.contents
    if (!due || !contents) return this.#probe(nowMs)
    const { message, isProbe } = due
    const { underWayBytes } = this.#sequence
    const messageBytes = this.#newMessageBytes()
    const limitBytes = this.#pace.limitBytes(messageBytes, 0)
    const isWithin = underWayBytes === 0 || underWayBytes + message.wireBytes <= limitBytes
    if (!isProbe && (!isWithin || !this.#pace.allows(messageBytes, nowMs))) return undefined
    this.#context.recorder.link.messagesRepeated.add()
    return this.#repeat(message, contents, isProbe, nowMs)
  }

  allowance(nowMs: number): Allowance | undefined {
    const messageBytes = this.#newMessageBytes()
    const { underWayBytes } = this.#sequence
    const hasRoom = this.#outstanding.takes(messageBytes) && this.#sequence.hasRoom(messageBytes)
    const lowest = priorityIndexes.findLast((priority) => {
      const limitBytes = this.#pace.limitBytes(messageBytes, priority)
      return underWayBytes === 0 || underWayBytes + messageBytes <= limitBytes
    })
    const isPaced = lowest === undefined || lowest < 2 || this.#pace.allows(messageBytes, nowMs)
    if (lowest !== 3 || !isPaced) this.#pace.filling(true)
    if (!hasRoom || lowest === undefined) return undefined
    const told = this.#inbox.acknowledgementBeside(messageBytes * acknowledgementShare, nowMs)
    this.#acknowledgementBeside = told
    const toldBytes = told ? acknowledgementBytes(told, this.#isWide) : 0
    const contentsBytes = messageBytes - this.#headerBytes(messageBytes) - toldBytes
    return { contentsBytes, lowest: isPaced ? lowest : 1 }
  }

  wrap(contents: Uint8Array, nowMs: number): Uint8Array {
    const place = { sequence: this.#sequence.next, attempt: 0 }
    const acknowledgement = this.#acknowledgementBeside
    this.#acknowledgementBeside = undefined
    const bytes = this.#write({ place, acknowledgement, rest: contents }, nowMs)
    const snapshot = this.#pace.snapshot(this.#sequence.underWayBytes, nowMs)
    this.#sequence.sent(contents, bytes.length, snapshot)
    return bytes
  }

  idle(): void {
    this.#pace.filling(false)
  }

  transmitLast(isEnding: boolean, nowMs: number): Uint8Array | undefined {
    if (isEnding) this.#inbox.hurry(nowMs)
    const isDue = nowMs >= this.#inbox.dueAtMs && this.#outstanding.takes(this.messageBytes)
    if (!isDue) return undefined
    const acknowledgement = this.#inbox.acknowledgement(this.messageBytes - 1, nowMs)
    return this.#write({ acknowledgement, rest: nothing }, nowMs)
  }

  sent(bytes: number): void {
    this.#outstanding.sent(bytes)
  }

  drained(totalBytes: number): void {
    this.#outstanding.drained(totalBytes)
  }

  nextDeadlineMs(): number {
    // What the channel has no room for waits until it has drained, not for a time.
    const hasRoom = this.#outstanding.takes(this.messageBytes)
    return Math.min(
      hasRoom ? this.#inbox.dueAtMs : Number.POSITIVE_INFINITY,
      this.#sequence.nextDeadlineMs(),
      this.#pace.nextDeadlineMs(this.#newMessageBytes()),
      this.#probing.sizing.nextDeadlineMs(),
    )
  }

  handleDeadline(nowMs: number): void {
    this.#pace.handleDeadline()
    this.#probing.sizing.handleDeadline(nowMs)
    const { timeouts } = this.#sequence
    this.#sequence.handleDeadline(nowMs)
    if (this.#sequence.timeouts > timeouts) this.#context.recorder.link.repeatTimeouts.add()
  }

  #acknowledged(told: Acknowledgement, isWide: boolean, nowMs: number): void {
    const { link } = this.#context.recorder
    const sequence = this.#sequence
    const progress = sequence.acknowledge(told, isWide, nowMs)
    if (progress === 'impossible') {
      link.acknowledgementsIgnored.add()
      return
    }
    if (progress.messages === 0) return
    if (progress.rttMs !== undefined) link.messageRttMs.observe(progress.rttMs)
    link.messagesRepeatedInVain.add(progress.inVain)
    const { longestBytes, parted } = progress
    const { sizing } = this.#probing
    if (longestBytes > 0) sizing.arrived(longestBytes)
    if (parted && sizing.passedInParts(parted.wireBytes, parted.partBytes, nowMs)) {
      link.sizeFalls.add()
    }
    this.#pace.progressed(progress, sequence.roundTrip.expectedMs, sequence.underWayBytes, nowMs)
  }

  #messageLost({ wireBytes, partBytes, snapshot }: SentMessage, nowMs: number): void {
    const { link } = this.#context.recorder
    link.messagesLost.add()
    this.#pace.lost()
    const sentBytes = partBytes > 0 ? partBytes : wireBytes
    if (this.#probing.sizing.lost(sentBytes, snapshot.sentAtMs, nowMs)) link.sizeFalls.add()
  }

  /** Length of messages with new contents: on slow channels shorter than they could be. */
  #newMessageBytes(): number {
    return Math.min(this.messageBytes, this.#pace.usefulMessageBytes)
  }

  /** Of a message with contents, without acknowledgement; those that a channel may cut have a length. */
  #headerBytes(messageBytes: number): number {
    return headerBytes(this.#isWide, messageBytes > this.#probing.sizing.safeBytes)
  }

  /** A probe for longer messages, as far as these would be of use, and the channel has room for it. */
  #probe(nowMs: number): Uint8Array | undefined {
    const bytesMax = Math.min(this.#pace.usefulMessageBytes, this.#outstanding.roomBytes)
    const probe = this.#probing.takeProbe(bytesMax, nowMs)
    if (!probe) return undefined
    this.#pace.sent(probe.messageBytes)
    return encodeSequencedMessage({
      isWide: this.#isWide,
      atOnce: false,
      isProbe: true,
      hasLength: false,
      // The flags, and then the probe.
      rest: encodeSizeProbe(probe, probe.messageBytes - 1),
    })
  }

  #repeat(
    message: SentMessage,
    contents: Uint8Array,
    isProbe: boolean,
    nowMs: number,
  ): Uint8Array | undefined {
    const attempt = message.attempts % attemptModulus
    const snapshot = this.#pace.snapshot(this.#sequence.underWayBytes, nowMs)
    const roomBytes = this.messageBytes - this.#headerBytes(this.messageBytes) - contents.length
    const isTooLong = roomBytes < 0
    const wholeBytes = isTooLong ? this.messageBytes : message.wireBytes
    const partBytes = this.#shorterBytes(wholeBytes, message.losses, isProbe)
    if (isTooLong || partBytes < wholeBytes) {
      this.#sequence.repeated(message, message.wireBytes, partBytes, snapshot)
      this.#parts = { message, attempt, messageBytes: partBytes, offset: 0 }
      return this.#nextPart(this.#parts, nowMs)
    }
    const acknowledgement = this.#inbox.acknowledgementBeside(roomBytes, nowMs)
    const place = { sequence: message.sequence, attempt }
    const bytes = this.#write({ place, acknowledgement, atOnce: isProbe, rest: contents }, nowMs)
    this.#sequence.repeated(message, bytes.length, 0, snapshot)
    return bytes
  }

  /** Messages of that length did not arrive, time and again: how long to make them now. */
  #shorterBytes(bytes: number, losses: number, isProbe: boolean): number {
    const timeouts = isProbe ? this.#sequence.timeouts : 0
    const halvings = Math.max(timeouts - partingTimeouts, losses - partingLosses) + 1
    if (halvings <= 0 || bytes <= partBytesMin) return bytes
    return Math.max(partBytesMin, Math.floor(bytes / 2 ** halvings))
  }

  /** The next part of contents that no longer fit one message; undefined when there are no more. */
  #nextPart(parts: PartsUnderWay, nowMs: number): Uint8Array | undefined {
    const { message, attempt, messageBytes, offset } = parts
    const { contents, sequence } = message
    if (!contents || offset >= contents.length) {
      this.#parts = undefined
      return undefined
    }
    const partBytes = messageBytes - this.#headerBytes(messageBytes) - partBytesMax
    const rest = contents.subarray(offset, offset + partBytes)
    parts.offset += rest.length
    const atOnce = parts.offset === contents.length
    const place = { sequence, attempt, part: { offset, total: contents.length } }
    return this.#write({ place, acknowledgement: undefined, atOnce, rest }, nowMs)
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
    const toldBytes = acknowledgement ? acknowledgementBytes(acknowledgement, this.#isWide) : 0
    const headBytes = headerBytes(this.#isWide, false) + (place?.part ? partBytesMax : 0)
    const mayBeCut = headBytes + toldBytes + rest.length > this.#probing.sizing.safeBytes
    if (acknowledgement) this.#inbox.told(nowMs)
    const bytes = encodeSequencedMessage({
      isWide: this.#isWide,
      atOnce,
      ...(place && { place }),
      ...(acknowledgement && { acknowledgement }),
      isProbe: false,
      hasLength: place !== undefined && mayBeCut,
      rest,
    })
    // The rate is measured of contents alone: acknowledgements of a fast neighbour would use it up.
    if (place) this.#pace.sent(bytes.length)
    return bytes
  }
}
