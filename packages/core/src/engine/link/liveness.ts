/**
 * Whether a neighbour is alive, and how far away: hello timers and round-trip time of one channel
 * (rules LK3 to LK7 of docs/specs/link.md).
 *
 * Holds no frames: it says when a hello is due, makes it, and judges silence.
 */

import type { ChannelTraits } from '../../transport/channel.ts'
import { helloIntervalMsMax, microsBetween, wireMicros } from './hello.ts'
import type { Hello } from './hello.ts'
import { HelloLoss, helloNumberModulus } from './hello-loss.ts'

/** How often a hello is sent, in milliseconds. */
export const helloIntervalMs = 4_000

/** The same over Bluetooth, where each costs time on the air and battery. */
export const bluetoothHelloIntervalMs = 8_000

/** The same on a channel that is kept as a spare. */
export const spareHelloIntervalMs = 30_000

/** The same while the page is hidden: its timers come once a minute, and a battery is spared. */
export const hiddenHelloIntervalMs = 60_000

/** Announced intervals of silence after which a neighbour is dead: three may be lost or late. */
export const deadIntervals = 3.5

/** Data unanswered for this long asks for a sign of life, in milliseconds. */
export const probeAfterMs = 500

/** Data or a probe unanswered for this long makes a channel suspect, in milliseconds. */
export const suspectAfterMs = 2_000

/** Between two probes of a silent channel, in milliseconds. */
export const probeIntervalMs = 1_000

/** What a neighbour has to answer in after this machine woke up, in milliseconds. */
export const wakeGraceMs = 4_000

/** Weight of a new sample in the smoothed round-trip time (RFC 6298, section 2). */
const sampleWeight = 1 / 8

/** Longest round trip that is believed, in milliseconds. */
const rttMsMax = helloIntervalMsMax

export type Verdict = 'alive' | 'suspect' | 'dead'

/** What a received hello brought. */
export type HelloOutcome = 'ignored' | 'measured' | 'unmeasured'

/** How often a channel that is active, or a spare, says hello while people can see the page. */
export function helloIntervalMsOf({ cost }: ChannelTraits, isSpare: boolean): number {
  if (isSpare) return spareHelloIntervalMs
  return cost.class === 'bluetooth' ? bluetoothHelloIntervalMs : helloIntervalMs
}

/** The timers of one channel that is up. */
export class Liveness {
  /** How often a channel like this one says hello while it is active. */
  readonly #activeIntervalMs: number
  #intervalMs: number
  #receivedAtMs: number
  #remoteIntervalMs = helloIntervalMs
  #graceUntilMs: number
  #helloAtMs: number
  #probeAtMs = Number.POSITIVE_INFINITY
  #unansweredSinceMs: number | undefined
  #answerDue = false
  #probeDue = true
  #echo: { readonly sentAtMicros: number; readonly receivedAtMs: number } | undefined
  #rttMs: number | undefined
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #helloCount = 0
  readonly #loss = new HelloLoss()

  /** `intervalMs`: how often a channel like this one says hello while it is active. */
  constructor(intervalMs: number, nowMs: number) {
    this.#activeIntervalMs = intervalMs
    this.#intervalMs = intervalMs
    this.#receivedAtMs = nowMs
    this.#helloAtMs = nowMs
    this.#graceUntilMs = nowMs
  }

  /** Smoothed round-trip time; undefined until measured. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** When the latest hello left that the other end is known to have received. */
  get answeredAtMs(): number {
    return this.#answeredAtMs
  }

  /** Share of the neighbour's hellos that did not come; undefined until enough were due. */
  get lossRatio(): number | undefined {
    return this.#loss.ratio
  }

  /** Something came: the neighbour lives. */
  received(nowMs: number): void {
    this.#receivedAtMs = nowMs
    this.#unansweredSinceMs = undefined
    this.#probeAtMs = Number.POSITIVE_INFINITY
  }

  /** A hello came. */
  helloReceived(hello: Hello, nowMs: number): HelloOutcome {
    this.#loss.received(hello.number)
    this.#remoteIntervalMs = hello.intervalMs
    this.#echo = { sentAtMicros: hello.sentAtMicros, receivedAtMs: nowMs }
    if (hello.probe) this.#answerDue = true
    if (!hello.echo) return 'unmeasured'
    const awayMicros = microsBetween(hello.echo.sentAtMicros, wireMicros(nowMs))
    const sampleMs = (awayMicros - hello.echo.heldMicros) / 1000
    // An echo of nothing we sent, or held for longer than it was away.
    if (sampleMs < 0 || sampleMs > rttMsMax) return 'ignored'
    this.#answeredAtMs = nowMs - awayMicros / 1000
    this.#rttMs =
      this.#rttMs === undefined ? sampleMs : this.#rttMs + (sampleMs - this.#rttMs) * sampleWeight
    return 'measured'
  }

  /** Something other than a hello was sent, which the neighbour will somehow answer. */
  dataSent(nowMs: number): void {
    if (this.#unansweredSinceMs !== undefined) return
    this.#unansweredSinceMs = nowMs
    this.#probeAtMs = nowMs + probeAfterMs
  }

  /** Says hello so often from now on. A longer interval is announced at once. */
  setInterval(intervalMs: number, nowMs: number): void {
    if (intervalMs > this.#intervalMs) this.#helloAtMs = nowMs
    this.#intervalMs = intervalMs
    this.#helloAtMs = Math.min(this.#helloAtMs, nowMs + intervalMs)
  }

  /** Data has been unanswered for so long that a probe is due. */
  isDoubted(nowMs: number): boolean {
    return this.#unansweredSinceMs !== undefined && nowMs >= this.#unansweredSinceMs + probeAfterMs
  }

  /** Asks for a sign of life with the next message. */
  probe(): void {
    this.#probeDue = true
  }

  /** This machine slept: its neighbours get time to be heard before they are judged. */
  woke(nowMs: number): void {
    this.#graceUntilMs = nowMs + wakeGraceMs
    this.#unansweredSinceMs = undefined
    this.probe()
  }

  /** The hello that is due now, if one is; the caller sends it. */
  takeHello(nowMs: number): Hello | undefined {
    if (!this.#probeDue && !this.#answerDue && nowMs < this.#helloAtMs && nowMs < this.#probeAtMs) {
      return undefined
    }
    const probe = this.#probeDue || nowMs >= this.#probeAtMs
    this.#probeDue = false
    this.#answerDue = false
    this.#helloAtMs = nowMs + this.#intervalMs
    if (probe) {
      this.#unansweredSinceMs ??= nowMs
      this.#probeAtMs = nowMs + probeIntervalMs
    }
    const echo = this.#echo
    const number = this.#helloCount % helloNumberModulus
    this.#helloCount += 1
    return {
      probe,
      number,
      intervalMs: this.#intervalMs,
      sentAtMicros: wireMicros(nowMs),
      ...(echo && {
        echo: {
          sentAtMicros: echo.sentAtMicros,
          heldMicros: wireMicros(nowMs - echo.receivedAtMs),
        },
      }),
    }
  }

  /** A hello that is due cannot be sent for want of credit: it is tried again a little later. */
  hold(nowMs: number): void {
    this.#helloAtMs = Math.max(this.#helloAtMs, nowMs + probeIntervalMs)
    this.#probeAtMs = Math.max(this.#probeAtMs, nowMs + probeIntervalMs)
  }

  /** Judges the silence so far. */
  verdict(nowMs: number): Verdict {
    if (nowMs >= this.#deadAtMs()) return 'dead'
    return nowMs >= this.#suspectAtMs() ? 'suspect' : 'alive'
  }

  /** When the next hello is due, or the verdict may change from what it is. */
  nextDeadlineMs(isSuspect: boolean): number {
    return Math.min(
      this.#helloAtMs,
      this.#probeAtMs,
      this.#deadAtMs(),
      isSuspect ? Number.POSITIVE_INFINITY : this.#suspectAtMs(),
    )
  }

  #deadAtMs(): number {
    const silentAtMs = this.#receivedAtMs + deadIntervals * this.#remoteIntervalMs
    // A spare says hello so rarely that its silence says little; but questions it answers at once.
    const unansweredAtMs =
      (this.#unansweredSinceMs ?? Number.POSITIVE_INFINITY) + deadIntervals * this.#activeIntervalMs
    return Math.max(Math.min(silentAtMs, unansweredAtMs), this.#graceUntilMs)
  }

  #suspectAtMs(): number {
    if (this.#unansweredSinceMs === undefined) return Number.POSITIVE_INFINITY
    return this.#unansweredSinceMs + suspectAfterMs
  }
}
