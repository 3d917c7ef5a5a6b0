/**
 * What lies between frames and a channel: contents in order on one side, messages on the other, and
 * how much may be under way. A channel that is reliable and ordered needs little of it
 * (`PlainMessages`), one that is not has its messages numbered and repeated (`SequencedMessages`).
 */

import type { PriorityIndex } from './frame.ts'

/** What the next message may carry. */
export interface Allowance {
  /** Length of the contents, at most. */
  readonly contentsBytes: number
  /** Frames of this priority and of those above it. */
  readonly lowest: PriorityIndex
}

/** One channel's messages, both directions. */
export interface ChannelMessages {
  /** Smoothed round-trip time, where messages are acknowledged. */
  readonly rttMs: number | undefined
  /** What the path carries, in bytes per second; undefined until known. */
  readonly bandwidthBytesPerSecond: number | undefined
  /** Share of messages that are lost; undefined until known. */
  readonly lossRatio: number | undefined
  /** Length of a message, at most, at present. */
  readonly messageBytes: number
  /** Nothing that was sent has to be repeated any more. */
  readonly isDelivered: boolean

  /** A message came; true when it shows that the other end lives. Contents follow by `take`. */
  receive(bytes: Uint8Array, nowMs: number): boolean
  /** The next contents, in order; views of a message that came. */
  take(): Uint8Array | undefined
  /** The other end is proven: more may be held for it than for a stranger. */
  proven(): void

  /** Payload of a `link-control` frame to send, once. */
  takeControl(): Uint8Array | undefined
  /** A `link-control` frame came; false when it is of an unknown type. */
  controlReceived(payload: Uint8Array, nowMs: number): boolean

  /** A message that goes before new contents: something repeated, or a probe. */
  transmitFirst(nowMs: number): Uint8Array | undefined
  /** What new contents may be sent; undefined when none. */
  allowance(nowMs: number): Allowance | undefined
  /** The message that carries the contents, which keep to the latest allowance. */
  wrap(contents: Uint8Array, nowMs: number): Uint8Array
  /** There were no contents to send although they were allowed. */
  idle(): void
  /** A message that goes when there is no other; `isEnding`: the channel closes after it. */
  transmitLast(isEnding: boolean, nowMs: number): Uint8Array | undefined
  /** A message of that length was handed to the channel. */
  sent(bytes: number, nowMs: number): void
  /** That many bytes of messages have left the transport so far, as the driver reports it. */
  drained(totalBytes: number, nowMs: number): void

  nextDeadlineMs(): number
  handleDeadline(nowMs: number): void
}
