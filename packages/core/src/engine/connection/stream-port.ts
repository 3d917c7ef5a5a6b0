/**
 * What the application's streams ask of virtual connections (rules ST10 to ST29 of
 * docs/specs/connection.md). Beside the four well-known streams of messages, either end opens
 * streams of plain bytes, each with a protocol and a priority.
 *
 * Back-pressure is credit both ways: `stream-drained` tells the writer how much has left, and
 * `consumed` gives the other end credit only for what the reader has taken.
 */

import type { PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'

/** Names a stream at this peer, whoever opened it; chosen here, never reused. */
export type StreamHandle = number

/** Longest name of a protocol, in bytes of UTF-8; at least one. */
export const streamProtocolBytesMax = 64

/**
 * What a writer may have written beyond `stream-drained`, in bytes. One write of at most this size
 * more is taken, so that a writer need not cut.
 */
export const streamWriteBytesMax = 256 * 1024

/** Application codes of resets and stops: 0 to this. Codes above it are the engine's own. */
export const streamCodeMax = 2 ** 32 - 1

/** Code of a reset and a stop by an engine: nobody there accepts streams of the protocol. */
export const streamRefusedCode = streamCodeMax + 1

/** Code of a reset and a stop by an engine: that peer is stopping. */
export const streamStoppingCode = streamCodeMax + 2

/** Why a stream could not be opened. */
export type StreamRefusal =
  /** No connection to the peer stands; open one and wait for `connected`. */
  | 'no-connection'
  /** As many streams as the peer allows are open; `streams-available` follows. */
  | 'limit'

/** What became of bytes to write. */
export type StreamWriteResult =
  | 'accepted'
  /** More than the credit: nothing was taken, and the writer broke the contract. */
  | 'full'
  /** Finished, reset, stopped or unknown: nothing was taken. */
  | 'closed'

export interface StreamPort {
  /** Opens a stream of the peer's connection. */
  openStream(
    peer: PeerId,
    protocol: string,
    priority: Priority,
    nowMs: number,
  ): StreamHandle | StreamRefusal
  /** Queues bytes, 1 to `streamWriteBytesMax`; they are not copied and must not change. */
  writeStream(stream: StreamHandle, bytes: Uint8Array, nowMs: number): StreamWriteResult
  /** No more bytes follow. Idempotent. */
  finishStream(stream: StreamHandle, nowMs: number): void
  /** Gives up sending: what was not received may be lost, and the reader hears the code. */
  resetStream(stream: StreamHandle, code: number, nowMs: number): void
  /** Gives up reading: asks the other end to reset its direction with the code. */
  stopStream(stream: StreamHandle, code: number, nowMs: number): void
  /**
   * The reader has taken, or dropped, that many bytes more of those it was told of. What it was told
   * of counts as waiting until then, after `stream-finished` and `stream-reset` too; after
   * `stopStream` all counts as taken.
   */
  consumedStream(stream: StreamHandle, bytes: number, nowMs: number): void
}

/** The part of its buffer from which on a view of a stream's bytes is handed on with it, not copied. */
const bufferPart = 3 / 4

/** The bytes are most of their buffer, which nobody else uses then: it may be transferred. */
export function comesWithBuffer({ length, buffer }: Uint8Array): boolean {
  return length >= buffer.byteLength * bufferPart
}

/** What connections tell of streams; a part of `ConnectionOutput`. */
export type StreamOutput =
  /** The other end opened it. */
  | {
      readonly type: 'stream-opened'
      readonly stream: StreamHandle
      readonly peer: PeerId
      readonly protocol: string
      readonly priority: Priority
    }
  /** The next bytes in order; the receiver owns them, and their buffer where `comesWithBuffer`. */
  | { readonly type: 'stream-data'; readonly stream: StreamHandle; readonly bytes: Uint8Array }
  /** All bytes have been told of; none follow. */
  | { readonly type: 'stream-finished'; readonly stream: StreamHandle }
  /** The other end gave up sending; `code` is its application's, or one of the two of engines. */
  | { readonly type: 'stream-reset'; readonly stream: StreamHandle; readonly code: number }
  /**
   * The other end gave up reading: this direction is reset with that code. The stream counts as open
   * until `resetStream` (or `finishStream`) says that the writer has heard of it.
   */
  | { readonly type: 'stream-stopped'; readonly stream: StreamHandle; readonly code: number }
  /**
   * So many of the written bytes, in all since it opened, have left for the first time. Told each
   * 64 KiB: less than that may have left untold.
   */
  | {
      readonly type: 'stream-drained'
      readonly stream: StreamHandle
      readonly drainedBytes: number
    }
  /** Everything written, the end included, has been acknowledged. */
  | { readonly type: 'stream-delivered'; readonly stream: StreamHandle }
  /** The connection ended: both directions of the stream are over. Not told when they were before. */
  | { readonly type: 'stream-lost'; readonly stream: StreamHandle }
  /** After a refusal with `limit`: the peer allows more. */
  | { readonly type: 'streams-available'; readonly peer: PeerId }
