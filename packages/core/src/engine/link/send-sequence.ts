/**
 * The sending half of a message sequence: what is under way, what was lost, and what is repeated
 * next (rules LK18 and LK20 of docs/specs/link.md).
 *
 * Each transmission is known by sequence and attempt, and none is used twice, so that an
 * acknowledgement tells which of them arrived (the idea of QUIC's packet numbers). Losses are found
 * by time, after RFC 8985.
 *
 * Invariant: entries lie from `#base` to `#next`; those under way are linked in the order in which
 * they were sent last. Work for an acknowledgement is bounded by what it newly acknowledges and the
 * ranges it carries.
 */

import { acknowledgementDelayMsMax } from './acknowledgement-timing.ts'
import type { DeliverySnapshot } from './delivery-rate.ts'
import { windowMessagesMax } from './receive-sequence.ts'
import { Reordering } from './reordering.ts'
import { RoundTrip } from './round-trip.ts'
import { Gathering } from './sent-message.ts'
import type { Progress, SentMessage } from './sent-message.ts'
import { attemptModulus, expandSequence } from './sequence-header.ts'
import type { Acknowledgement, OffsetRange } from './sequence-header.ts'

/**
 * Contents of all sequences from the first unacknowledged one on, in bytes: twice what may be under
 * way, so that one message that is lost again and again does not stop the others.
 */
export const unacknowledgedBytesMax = 512 * 1024

/** Longest wait for a sign of life before something is repeated to ask for one, in milliseconds. */
export const repeatTimeoutMsMax = 2_000

/** Shortest, in milliseconds: hosts deliver timers and messages in turns of that length. */
const repeatTimeoutMsMin = 10

/** Who wants to know of losses. */
export interface LossObserver {
  messageLost(message: SentMessage, nowMs: number): void
}

/** See the file header. */
export class SendSequence {
  readonly roundTrip = new RoundTrip()
  readonly reordering = new Reordering()
  readonly #observer: LossObserver
  readonly #messages = new Map<number, SentMessage>()
  #lost: SentMessage[] = []
  #base = 0
  #next = 0
  #order = 0
  #unacknowledgedBytes = 0
  #underWayBytes = 0
  #first: SentMessage | undefined
  #last: SentMessage | undefined
  /** Order and round trip of the latest transmission that is known to have arrived. */
  #arrivedOrder = -1
  #lossAtMs = Number.POSITIVE_INFINITY
  /** Since when an acknowledgement of something new is waited for. */
  #quietSinceMs = 0
  #timeouts = 0
  /** Messages to repeat for a sign of life. */
  #probesDue = 0
  /** Ranges of the latest acknowledgement by start, so that they are not walked again. */
  #knownRangeEnds = new Map<number, number>()

  constructor(observer: LossObserver) {
    this.#observer = observer
  }

  /** The sequence of the next contents. */
  get next(): number {
    return this.#next
  }

  /** Bytes sent, not acknowledged and not taken for lost. */
  get underWayBytes(): number {
    return this.#underWayBytes
  }

  /** Contents from the first unacknowledged one on, in bytes. */
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes
  }

  /** Everything that was sent has arrived. */
  get isDelivered(): boolean {
    return this.#base === this.#next
  }

  /** Timeouts in a row without an acknowledgement of anything new. */
  get timeouts(): number {
    return this.#timeouts
  }

  /** Whether contents of that length may be added to what is unacknowledged. */
  hasRoom(bytes: number): boolean {
    return (
      this.#next - this.#base < windowMessagesMax &&
      this.#unacknowledgedBytes + bytes <= unacknowledgedBytesMax
    )
  }

  /** New contents leave, in a message of `wireBytes`. */
  sent(contents: Uint8Array, wireBytes: number, snapshot: DeliverySnapshot): void {
    const message: SentMessage = {
      sequence: this.#next,
      contents,
      contentsBytes: contents.length,
      attempts: 0,
      losses: 0,
      wireBytes,
      partBytes: 0,
      snapshot,
      state: 'lost',
      transmissions: [],
      order: 0,
      earlier: undefined,
      later: undefined,
    }
    this.#messages.set(message.sequence, message)
    this.#next += 1
    this.#unacknowledgedBytes += contents.length
    this.#transmit(message, wireBytes, 0, snapshot)
  }

  /** What is to be sent again now, if anything; `isProbe` when it asks for a sign of life. */
  repeatDue(): { readonly message: SentMessage; readonly isProbe: boolean } | undefined {
    const isProbe = this.#probesDue > 0
    const lost = this.#firstLost()
    if (lost) return { message: lost, isProbe }
    const message = this.#messages.get(this.#probesDue === 1 ? this.#base : this.#next - 1)
    return isProbe && message ? { message, isProbe } : undefined
  }

  /** That message leaves again, whole or, when that is not 0, in parts of that length. */
  repeated(
    message: SentMessage,
    wireBytes: number,
    partBytes: number,
    snapshot: DeliverySnapshot,
  ): void {
    this.#probesDue = Math.max(0, this.#probesDue - 1)
    if (message.state === 'under-way') this.#unlink(message)
    this.#transmit(message, wireBytes, partBytes, snapshot)
  }

  /** `impossible`: it tells of what was never sent; nothing of it counts. */
  acknowledge(told: Acknowledgement, isWide: boolean, nowMs: number): Progress | 'impossible' {
    const next = expandSequence(told.next, isWide, this.#base)
    const latestSequence = next + told.latestOffset
    const highest = Math.max(next, latestSequence + 1, next + (told.ranges[0]?.end ?? 0))
    if (highest > this.#next || latestSequence < 0) return 'impossible'
    const latest = this.#messages.get(latestSequence)
    const named = latest?.state === 'acknowledged' ? undefined : latest
    const namedTransmission = named?.transmissions[told.latestAttempt]
    if (named && !namedTransmission) return 'impossible'

    const gathering = new Gathering(named, namedTransmission)
    for (let sequence = this.#base; sequence < next; sequence += 1) {
      this.#acknowledgeOne(sequence, gathering, nowMs)
    }
    if (next >= this.#base) this.#acknowledgeRanges(next, told.ranges, gathering, nowMs)
    // With many ranges, that of the latest need not be among those that are told.
    this.#acknowledgeOne(latestSequence, gathering, nowMs)
    this.#forgetDelivered(next)

    if (gathering.messages > 0) {
      this.#timeouts = 0
      this.#probesDue = 0
      this.#quietSinceMs = nowMs
    }
    if (namedTransmission) {
      const awayMs = nowMs - namedTransmission.sentAtMs
      gathering.rttMs = Math.max(0, awayMs - told.delayMs)
      this.roundTrip.sample(gathering.rttMs)
    }
    this.#arrivedOrder = Math.max(this.#arrivedOrder, gathering.newestOrder)
    this.#findLost(nowMs)
    return gathering
  }

  /** When something may be lost, or has to be asked for. */
  nextDeadlineMs(): number {
    return Math.min(this.#lossAtMs, this.#timeoutAtMs())
  }

  handleDeadline(nowMs: number): void {
    if (nowMs >= this.#lossAtMs) this.#findLost(nowMs)
    if (nowMs < this.#timeoutAtMs()) return
    this.#timeouts += 1
    // The highest message, which tells whether others are lost, and the lowest that is missing.
    const highest = this.#messages.get(this.#next - 1)
    const isTold = highest?.state !== 'under-way' || highest.sequence === this.#base
    this.#probesDue = isTold ? 1 : 2
    this.#quietSinceMs = nowMs
  }

  #timeoutAtMs(): number {
    if (!this.#first || this.#probesDue > 0) return Number.POSITIVE_INFINITY
    const timeoutMs = Math.max(
      repeatTimeoutMsMin,
      this.roundTrip.timeoutMs(acknowledgementDelayMsMax),
    )
    // Once more soon, since what was repeated may be lost too; then less and less often.
    const backedOffMs = timeoutMs * 2 ** Math.min(Math.max(0, this.#timeouts - 1), 16)
    return this.#quietSinceMs + Math.min(backedOffMs, repeatTimeoutMsMax)
  }

  #transmit(
    message: SentMessage,
    wireBytes: number,
    partBytes: number,
    snapshot: DeliverySnapshot,
  ): void {
    const { sentAtMs } = snapshot
    const attempt = message.attempts % attemptModulus
    message.transmissions[attempt] = { sentAtMs, order: this.#order }
    message.order = this.#order
    this.#order += 1
    message.attempts += 1
    message.wireBytes = wireBytes
    message.partBytes = partBytes
    message.snapshot = snapshot
    message.state = 'under-way'
    this.#underWayBytes += wireBytes
    if (!this.#first) this.#quietSinceMs = sentAtMs
    message.earlier = this.#last
    message.later = undefined
    if (this.#last) this.#last.later = message
    else this.#first = message
    this.#last = message
  }

  /** Takes the message out of those under way. */
  #unlink(message: SentMessage): void {
    const { earlier, later } = message
    if (earlier) earlier.later = later
    else this.#first = later
    if (later) later.earlier = earlier
    else this.#last = earlier
    message.earlier = undefined
    message.later = undefined
    this.#underWayBytes -= message.wireBytes
  }

  #acknowledgeRanges(
    next: number,
    ranges: readonly OffsetRange[],
    gathering: Gathering,
    nowMs: number,
  ): void {
    const rangeEnds = new Map<number, number>()
    for (const range of ranges) {
      const start = next + range.start
      const end = next + range.end
      const knownEnd = Math.max(start, this.#knownRangeEnds.get(start) ?? start)
      for (let sequence = knownEnd; sequence < end; sequence += 1) {
        this.#acknowledgeOne(sequence, gathering, nowMs)
      }
      rangeEnds.set(start, Math.max(end, knownEnd))
    }
    this.#knownRangeEnds = rangeEnds
  }

  #acknowledgeOne(sequence: number, gathering: Gathering, nowMs: number): void {
    const message = this.#messages.get(sequence)
    if (!message || message.state === 'acknowledged') return
    const wasLost = message.state === 'lost'
    if (message.state === 'under-way') this.#unlink(message)
    message.state = 'acknowledged'
    message.contents = undefined
    const transmission = gathering.take(message)
    const isLast = transmission?.order === message.order
    // Taken for lost, or repeated, and the earlier one arrived: the repeat was in vain.
    if (wasLost || (transmission && !isLast)) gathering.inVain += 1
    if (!transmission || transmission.order >= this.#arrivedOrder) return
    const latenessMs = nowMs - transmission.sentAtMs - this.roundTrip.patienceMs
    if (latenessMs > 0) this.reordering.observe(latenessMs, this.roundTrip.expectedMs, nowMs)
  }

  /** What lies below the first unacknowledged sequence needs no memory. */
  #forgetDelivered(next: number): void {
    for (; this.#base < this.#next; this.#base += 1) {
      const message = this.#messages.get(this.#base)
      if (this.#base >= next && message?.state !== 'acknowledged') return
      this.#messages.delete(this.#base)
      this.#unacknowledgedBytes -= message?.contentsBytes ?? 0
    }
  }

  /** Whatever was sent before one that has arrived, and is late beyond reordering, is lost. */
  #findLost(nowMs: number): void {
    const { roundTrip, reordering } = this
    this.#lossAtMs = Number.POSITIVE_INFINITY
    for (let message = this.#first; message; message = this.#first) {
      const overtakenBy = this.#arrivedOrder - message.order
      if (overtakenBy <= 0) return
      const graceMs = reordering.graceMs(roundTrip.expectedMs, nowMs, overtakenBy)
      const lostAtMs = message.snapshot.sentAtMs + roundTrip.patienceMs + graceMs
      if (lostAtMs > nowMs) {
        this.#lossAtMs = lostAtMs
        return
      }
      this.#unlink(message)
      message.state = 'lost'
      message.losses += 1
      this.#lost.push(message)
      this.#observer.messageLost(message, nowMs)
    }
  }

  #firstLost(): SentMessage | undefined {
    for (;;) {
      const message = this.#lost[0]
      if (!message || message.state === 'lost') return message
      this.#lost.shift()
    }
  }
}
