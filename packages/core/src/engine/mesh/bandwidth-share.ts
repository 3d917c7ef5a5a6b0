/**
 * The part of a link's bandwidth that one kind of frames keeps to: what is sent is paid for with time, and
 * what a pause leaves over may be sent at once, up to a burst.
 */

export interface BandwidthShareOptions {
  /** Of the link's bandwidth; above 0, at most 1. */
  readonly share: number
  /** What may be sent at once after a pause, beyond the share; none when left out. */
  readonly burstBytesMax?: number
  /** The share is never less, however slow the link is. */
  readonly bytesPerSecondMin?: number
}

/** See the file header. */
export class BandwidthShare {
  readonly #share: number
  readonly #burstBytesMax: number
  readonly #bytesPerSecondMin: number
  #bytesPerSecond = 0
  /** Until then the share is used up by what was sent; it lies back by a burst at most. */
  #paidUntilMs = -Infinity

  constructor(options: BandwidthShareOptions, linkBytesPerSecond: number) {
    const { share, burstBytesMax = 0, bytesPerSecondMin = 0 } = options
    this.#share = share
    this.#burstBytesMax = burstBytesMax
    this.#bytesPerSecondMin = bytesPerSecondMin
    this.linkChanged(linkBytesPerSecond)
  }

  /** The link carries that much from now on. */
  linkChanged(bytesPerSecond: number): void {
    this.#bytesPerSecond = Math.max(this.#bytesPerSecondMin, this.#share * bytesPerSecond)
  }

  /** The share. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** When the next frame may go; in the past when one may go now. */
  get paidUntilMs(): number {
    return this.#paidUntilMs
  }

  /** What may be sent in one frame: what is left of the burst, or a second's share. */
  creditBytes(nowMs: number): number {
    return (Math.max(nowMs - this.#paidUntilMs, 1_000) * this.#bytesPerSecond) / 1_000
  }

  /** So much was sent. */
  pay(bytes: number, nowMs: number): void {
    const earliestMs = nowMs - this.#msOf(this.#burstBytesMax)
    this.#paidUntilMs = Math.max(this.#paidUntilMs, earliestMs) + this.#msOf(bytes)
  }

  #msOf(bytes: number): number {
    return (bytes * 1_000) / this.#bytesPerSecond
  }
}
