/**
 * How fast the path delivers, and how large packets should be for that (rule RC21): the most of the
 * latest rounds that were not short of data (the idea of draft-cardwell-iccrg-bbr-congestion-control).
 *
 * A round lasts from a moment to the arrival of a packet that was sent after it.
 */

import { narrowPacketBytesMax } from './congestion.ts'

/** A packet takes about that long on the path at the most: packets of others wait no longer. */
export const packetMsMax = 5

/** Packets are not halved below this: headers would be a tenth of them. */
const packetBytesLeast = 1000

/** Packets before anything is known of the path. */
const packetBytesAtFirst = 4096

/** The same on a narrow one, about: at 20 kB/s what comes first comes after 25 ms. */
const narrowPacketBytesAtFirst = 512
const narrowPacketBytesLeast = 500

/** Rounds remembered. */
const roundsKept = 8

/** The estimate of one path. */
export class DeliveryRate {
  readonly #rounds: number[] = []
  #most: number | undefined
  #roundStartMs: number | undefined
  #roundBytes = 0

  /** Undefined before the first round. */
  get bytesPerMs(): number | undefined {
    return this.#most
  }

  /** Packets arrived; `isBusy`: more was to be sent than was allowed to. */
  arrived(bytes: number, sentAtMs: number, isBusy: boolean, nowMs: number): void {
    this.#roundBytes += bytes
    if (this.#roundStartMs === undefined) this.#startRound(nowMs)
    if (sentAtMs < this.#roundStartMs! || nowMs <= this.#roundStartMs!) return
    const bytesPerMs = this.#roundBytes / (nowMs - this.#roundStartMs!)
    this.#startRound(nowMs)
    // A sender that was short of data learns nothing but that the path is at least so fast.
    if (!isBusy && bytesPerMs < (this.#most ?? 0)) return
    this.#rounds.push(bytesPerMs)
    if (this.#rounds.length > roundsKept) this.#rounds.shift()
    this.#most = Math.max(...this.#rounds)
  }

  /** Nothing is known of a new path. */
  reset(): void {
    this.#rounds.length = 0
    this.#most = undefined
    this.#roundStartMs = undefined
    this.#roundBytes = 0
  }

  /** How large packets should be where the path takes that much: a half, a quarter … of it. */
  packetBytes(pathBytes: number): number {
    if (this.#most !== undefined) {
      return halved(pathBytes, this.#most * packetMsMax, packetBytesLeast)
    }
    return pathBytes <= narrowPacketBytesMax
      ? halved(pathBytes, narrowPacketBytesAtFirst, narrowPacketBytesLeast)
      : halved(pathBytes, packetBytesAtFirst, packetBytesLeast)
  }

  #startRound(nowMs: number): void {
    this.#roundStartMs = nowMs
    this.#roundBytes = 0
  }
}

/** Halved until it is so small, but not below the least. */
function halved(pathBytes: number, wantedBytes: number, leastBytes: number): number {
  let bytes = pathBytes
  while (bytes > wantedBytes && bytes >= 2 * leastBytes) bytes = Math.ceil(bytes / 2)
  return bytes
}
