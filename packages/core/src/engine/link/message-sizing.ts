/**
 * How long messages of a channel may be, where it may take less than it claims (rules LK26 and LK27 of
 * docs/specs/link.md). After RFC 8899: a size that is safe at first, probes that carry nothing, a
 * larger size once one has arrived whole, and back when messages of that size no longer arrive.
 *
 * Invariant: no contents are sent in a message longer than the safe size, or than a probe that has
 * arrived whole.
 */

import type { ProbeFields } from './size-probe.ts'

/**
 * Sizes to try: GATT writes of common phones (182 and 244 fill packets of the link layer, 512 is the
 * most), Ethernet with and without jumbo frames less IPv6 and UDP headers.
 */
const candidates = [64, 128, 182, 244, 512, 1_200, 1_452, 8_952] as const

/**
 * Probes of one size without an answer, after which it is too large (RFC 8899, section 5.1.2,
 * has 3): at a loss of 30 % either way one in thirty searches ends too early.
 */
const probesPerSize = 5

/** How long an answer may take, in milliseconds: some round trips of a slow GATT link. */
const answerMs = 1_500

/** From the end of a search to the next one, in milliseconds (RFC 8899, section 5.1.1). */
const restMs = 600_000

/** The same while messages are shorter than is safe, or a size that had worked no longer does. */
const restAfterFallMs = 60_000

/** Round trips in a row that lose messages of a size, and let none arrive, before it is given up. */
const losingRounds = 6

/** Messages in a row that arrive in parts, after they did not whole, do the same. */
const partedMessages = 2

/** No message is cut shorter than that, in bytes: every channel takes as much. */
const leastBytes = 20

/** A size that is still to be tried in this search. */
interface Attempt {
  readonly bytes: number
  triesLeft: number
}

export interface SizingOptions {
  /** What the channel says it takes. */
  readonly claimedBytes: number
  /** What needs no proof; where it is all that is claimed, nothing is probed. */
  readonly safeBytes: number
  /** Try what is claimed first, before smaller sizes. */
  readonly startsWithClaim: boolean
}

/** See the file header. Sizes are those of whole messages. */
export class MessageSizing {
  /** Messages up to that length arrive whole or not at all. */
  readonly safeBytes: number
  readonly #claimedBytes: number
  readonly #startsWithClaim: boolean
  #bytes: number
  /** The first is tried now. */
  #attempts: Attempt[] = []
  #probeNumber = 0
  #isProbeDue = false
  /** An answer is late, or the next search begins. */
  #deadlineMs = Number.POSITIVE_INFINITY
  /** In so many round trips, messages that are long for this size were lost and none arrived. */
  #losingRounds = 0
  #losingSinceMs = 0
  #partedMessages = 0
  #shortestLostBytes = Number.POSITIVE_INFINITY

  constructor({ claimedBytes, safeBytes, startsWithClaim }: SizingOptions) {
    this.#claimedBytes = claimedBytes
    this.safeBytes = Math.min(safeBytes, claimedBytes)
    this.#startsWithClaim = startsWithClaim
    this.#bytes = this.safeBytes
  }

  /** Length of a message, at most. */
  get bytes(): number {
    return this.#bytes
  }

  /** The other end is proven, and will answer. */
  start(nowMs: number): void {
    this.#search(nowMs)
  }

  /** The probe to send now, unless messages longer than `usefulBytes` are of no use. */
  takeProbe(usefulBytes: number, nowMs: number): ProbeFields | undefined {
    const [attempt] = this.#attempts
    if (!attempt || !this.#isProbeDue || attempt.bytes > usefulBytes) return undefined
    this.#isProbeDue = false
    attempt.triesLeft -= 1
    this.#deadlineMs = nowMs + answerMs
    return { number: this.#probeNumber, messageBytes: attempt.bytes }
  }

  /** A probe arrived at the other end, in that length. */
  answered({ number, messageBytes }: ProbeFields, nowMs: number): void {
    const [attempt] = this.#attempts
    const isAwaited = attempt && !this.#isProbeDue && number === this.#probeNumber
    if (!isAwaited || messageBytes > attempt.bytes) return
    this.#bytes = Math.max(this.#bytes, messageBytes)
    // One that was cut shows just how much passes.
    const isWhole = messageBytes === attempt.bytes
    this.#attempts = isWhole ? this.#attempts.filter(({ bytes }) => bytes > this.#bytes) : []
    this.#tryNext(nowMs)
  }

  nextDeadlineMs(): number {
    return this.#deadlineMs
  }

  handleDeadline(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    const [attempt] = this.#attempts
    if (!attempt) {
      this.#search(nowMs)
      return
    }
    if (attempt.triesLeft === 0) {
      const [, next] = this.#attempts
      // What is larger than a size that did not pass will not pass either.
      this.#attempts = next && next.bytes < attempt.bytes ? this.#attempts.slice(1) : []
    }
    this.#tryNext(nowMs)
  }

  /** A message of that length has arrived whole. */
  arrived(bytes: number): void {
    if (bytes < this.#shortestLostBytes) return
    this.#forgetLosses()
  }

  /** A message of that length, sent at that time, was lost. True when messages become shorter. */
  lost(bytes: number, sentAtMs: number, nowMs: number): boolean {
    // Short ones are lost by chance; and many that one outage took are one sign, not many.
    if (bytes <= this.#bytes / 2 || sentAtMs < this.#losingSinceMs) return false
    this.#losingSinceMs = nowMs
    this.#losingRounds += 1
    this.#shortestLostBytes = Math.min(this.#shortestLostBytes, bytes)
    if (this.#losingRounds < losingRounds) return false
    const lostBytes = this.#shortestLostBytes
    const shorter = lostBytes > this.safeBytes ? this.safeBytes : Math.floor(lostBytes / 2)
    return this.#fall(shorter, nowMs)
  }

  /**
   * A message of that length did not arrive, and did in parts of that other length. True when
   * messages become shorter.
   */
  passedInParts(bytes: number, partBytes: number, nowMs: number): boolean {
    if (bytes > this.#bytes) return false
    this.#partedMessages += 1
    this.#shortestLostBytes = Math.min(this.#shortestLostBytes, bytes)
    return this.#partedMessages >= partedMessages && this.#fall(partBytes, nowMs)
  }

  #search(nowMs: number): void {
    const sizes = [...candidates.filter((bytes) => bytes < this.#claimedBytes), this.#claimedBytes]
    const larger = sizes.filter((bytes) => bytes > this.#bytes)
    this.#attempts = larger.map((bytes) => ({ bytes, triesLeft: probesPerSize }))
    if (this.#startsWithClaim && larger.length > 1) {
      this.#attempts.pop()
      this.#attempts.unshift({ bytes: this.#claimedBytes, triesLeft: 1 })
    }
    this.#tryNext(nowMs)
  }

  #tryNext(nowMs: number): void {
    const [attempt] = this.#attempts
    this.#isProbeDue = attempt !== undefined
    this.#probeNumber = (this.#probeNumber + 1) % 256
    const isDone = !attempt && this.#bytes === this.#claimedBytes
    const pauseMs = this.#bytes < this.safeBytes ? restAfterFallMs : restMs
    this.#deadlineMs = attempt || isDone ? Number.POSITIVE_INFINITY : nowMs + pauseMs
  }

  #forgetLosses(): void {
    this.#losingRounds = 0
    this.#partedMessages = 0
    this.#shortestLostBytes = Number.POSITIVE_INFINITY
  }

  /** Longer messages do not arrive any more. */
  #fall(shorterBytes: number, nowMs: number): boolean {
    const bytes = Math.max(leastBytes, Math.min(this.safeBytes, shorterBytes))
    this.#forgetLosses()
    if (bytes >= this.#bytes) return false
    this.#bytes = bytes
    this.#attempts = []
    this.#isProbeDue = false
    this.#deadlineMs = nowMs + restAfterFallMs
    return true
  }
}
