/**
 * How much may be under way on one channel that is reliable and ordered (rule LK11 of
 * docs/specs/link.md): of each priority as much as drains in a certain time, so that an urgent frame
 * never waits longer than that behind others.
 *
 * Invariant: bytes sent and not yet reported as drained never exceed `outstandingBytesMax`, but
 * for a single message on an idle channel.
 */

import type { Allowance } from './channel-messages.ts'
import { DrainRate } from './drain-rate.ts'
import type { PriorityIndex } from './frame.ts'
import { Outstanding, outstandingBytesMax } from './outstanding.ts'

/** Of all that may be under way, kept free from frames of each priority for those more urgent. */
const reservedBytes = [0, 8 * 1024, 12 * 1024, 16 * 1024] as const

/**
 * For each priority how long the channel needs for what may be under way when a frame of that
 * priority is sent, in milliseconds. A keystroke behind bulk data waits for 100 ms at most, and the
 * channel has time enough to report that it drains.
 */
const underWayMs = [200, 165, 130, 100] as const

/** The same in bytes, at least: as much as at 20 kB/s, and some packets of 1,200 bytes. */
const underWayBytesMin = [4096, 3379, 2662, 2048] as const

/** Largest message of control frames on a channel that has no room for others, in bytes. */
export const controlMessageBytesMax = 2 * 1024

/** A message is cut no shorter than that for want of credit, in bytes. */
const messageBytesMin = 1024

/** So many messages of bulk data may be under way at least: one drains while others follow. */
const messagesUnderWay = 3

/** Least urgent first. */
const fromBulk = [3, 2, 1, 0] as const

/** The credit of one channel. */
export class ChannelCredit {
  readonly #startBytesPerMs: number
  readonly #outstanding = new Outstanding()
  readonly #rate = new DrainRate()
  /** Less urgent frames wait until half of their share has drained: few refills instead of many. */
  readonly #isWaiting = [false, false, false, false]

  /** `startBytesPerMs`: how fast the channel is taken to be before it was measured. */
  constructor(startBytesPerMs: number) {
    this.#startBytesPerMs = startBytesPerMs
  }

  get outstandingBytes(): number {
    return this.#outstanding.bytes
  }

  /** What the channel carries, in bytes per second; undefined until known. */
  get bandwidthBytesPerSecond(): number | undefined {
    const { bytesPerMs, isKnown } = this.#rate
    return isKnown && bytesPerMs !== undefined ? bytesPerMs * 1000 : undefined
  }

  /** Bulk frames are held back until some bytes have drained. */
  get isWaiting(): boolean {
    return this.#isWaiting[3]!
  }

  sent(bytes: number, nowMs: number): void {
    this.#outstanding.sent(bytes)
    this.#rate.sent(bytes, nowMs)
  }

  /** Cumulative, as the driver reports it; a report that is out of range changes nothing. */
  drained(totalBytes: number, nowMs: number): void {
    const bytes = this.#outstanding.drained(totalBytes)
    if (bytes > 0) this.#rate.drained(bytes, nowMs)
  }

  /** Bytes under way, at most, when a frame of that priority is sent. */
  limitBytes(priority: PriorityIndex): number {
    const { bytesPerMs = 0, isKnown } = this.#rate
    const assumedBytesPerMs = isKnown ? bytesPerMs : Math.max(bytesPerMs, this.#startBytesPerMs)
    const drainingBytes = Math.floor(underWayMs[priority] * assumedBytesPerMs)
    const most = outstandingBytesMax - reservedBytes[priority]
    return Math.min(most, Math.max(underWayBytesMin[priority], drainingBytes))
  }

  /** What may be sent now, in messages of at most that many bytes; undefined when nothing. */
  allowance(messageBytesMax: number): Allowance | undefined {
    const share = Math.floor(this.limitBytes(3) / messagesUnderWay)
    const messageBytes = Math.min(messageBytesMax, Math.max(messageBytesMin, share))
    const outstanding = this.#outstanding.bytes
    if (outstanding === 0) {
      this.#isWaiting.fill(false)
      return { contentsBytes: messageBytes, lowest: 3 }
    }
    for (const priority of fromBulk) {
      const roomBytes = this.limitBytes(priority) - outstanding
      if (!this.#admits(priority, roomBytes, Math.min(messageBytes, messageBytesMin))) continue
      const bytesMax =
        priority === 0 ? Math.min(messageBytes, controlMessageBytesMax) : messageBytes
      return { contentsBytes: Math.min(bytesMax, roomBytes), lowest: priority }
    }
    return undefined
  }

  /** Whether there is room for that many bytes; once there is not, only when much has drained. */
  #admits(priority: PriorityIndex, roomBytes: number, bytes: number): boolean {
    const waits = priority > 1 && this.#isWaiting[priority]!
    const admits = roomBytes >= (waits ? this.limitBytes(priority) / 2 : bytes)
    this.#isWaiting[priority] = !admits
    return admits
  }
}
