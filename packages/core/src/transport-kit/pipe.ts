/**
 * The pipe: what a transport implements per kind of socket, so that `PipeChannel` can make a
 * channel of it. A pipe knows its socket; the channel knows the contract.
 */

import type { ChannelCloseReason } from '../transport/channel.ts'

/**
 * Bytes waiting in a pipe: at `fullBytes` and above it is full, at `drainedBytes` and below it has
 * drained. Measured on WebRTC, where more makes the first transfer slower, and plenty elsewhere:
 * four messages of full size, and one to go on with while the sender is told.
 */
export const pipeMarks = { fullBytes: 256 * 1024, drainedBytes: 64 * 1024 } as const

/** What a pipe reports. Called from the event loop, never from inside a call of the pipe. */
export interface PipeEvents {
  /** One message; `undefined` when it is none that a channel carries (a text). */
  message(bytes: Uint8Array | undefined): void
  /** The pipe has drained after `awaitDrain`. */
  drained(): void
  /** The other end said goodbye and sends no more. */
  farewell(): void
  /** The other end broke the rules of the pipe. */
  broken(): void
  /**
   * Nothing of the pipe is left: the last event. `remote` where a goodbye comes with the end, as in
   * WebSocket; one that was told by `farewell` counts as it is.
   */
  closed(how: 'remote' | 'lost'): void
}

/** An open socket of some kind that carries messages. */
export interface Pipe {
  /** Bytes taken and not yet handed to the network. */
  readonly bufferedBytes: number
  /** Whether it should be given no more for now. */
  readonly full: boolean
  /** Takes the listener; called once, in the task in which the pipe was opened. */
  listen(events: PipeEvents): void
  /** Takes a message of 1 to `messageBytesMax` bytes. */
  send(bytes: Uint8Array): void
  /** Asks for one `drained`. */
  awaitDrain(): void
  /** Sends what was taken, then says goodbye; `closed` follows in its time. */
  close(reason: ChannelCloseReason): void
  /** Drops everything, as far as the platform allows; `closed` need not follow. */
  destroy(): void
}
