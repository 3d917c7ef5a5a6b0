/** Which peers can reach which now, and over what: partitions, ranges, and dials that fail. */

import type { DialFailureReason } from '../../../transport/transport.ts'

interface Fate {
  readonly reason: DialFailureReason
  readonly untilMs: number
}

/** Directed pairs of names. Nothing in here lasts beyond `heal`. */
export class Paths {
  readonly #severed = new Map<string, number>()
  readonly #outOfRange = new Map<string, number>()
  readonly #dialFates = new Map<string, Fate>()

  /** Until then nothing passes from the one to the other, over whatever. */
  sever(from: string, to: string, untilMs: number): void {
    this.#severed.set(`${from} ${to}`, untilMs)
  }

  isSevered(from: string, to: string, nowMs: number): boolean {
    return nowMs < (this.#severed.get(`${from} ${to}`) ?? 0)
  }

  /** Until then the two do not reach each other over that transport. */
  separate(left: string, right: string, transport: string, untilMs: number): void {
    this.#outOfRange.set(`${transport} ${pairOf(left, right)}`, untilMs)
  }

  /** Until then every dial from the one to the other fails with that reason. */
  refuseDials(from: string, to: string, reason: DialFailureReason, untilMs: number): void {
    this.#dialFates.set(`${from} ${to}`, { reason, untilMs })
  }

  /** Why a dial fails now; undefined when it does not. */
  dialFailure(
    from: string,
    to: string,
    transport: string,
    nowMs: number,
  ): DialFailureReason | undefined {
    const fate = this.#dialFates.get(`${from} ${to}`)
    if (fate !== undefined && nowMs < fate.untilMs) return fate.reason
    const rangeMs = this.#outOfRange.get(`${transport} ${pairOf(from, to)}`) ?? 0
    const isCut = this.isSevered(from, to, nowMs) || this.isSevered(to, from, nowMs)
    return isCut || nowMs < rangeMs ? 'unreachable' : undefined
  }

  /** Everybody reaches everybody. */
  heal(): void {
    this.#severed.clear()
    this.#outOfRange.clear()
    this.#dialFates.clear()
  }
}

function pairOf(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`
}
