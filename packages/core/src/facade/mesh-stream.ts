/** Streams of bytes between two peers, as an application sees them. */

import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Priority } from '../engine/link/link-port.ts'

/**
 * Who goes first where a connection is busy: `interactive` for what a person waits for, `sync` as
 * the documents of the mesh, `bulk` for what may take its time.
 */
export type StreamPriority = Exclude<Priority, 'control'>

export interface OpenStreamOptions {
  /** What the bytes mean; the other end accepts by it. 1 to 64 bytes of UTF-8. */
  readonly protocol: string
  /** Of both directions. Default `bulk`. */
  readonly priority?: StreamPriority
  /** Gives up opening; the call then rejects with the signal's reason. An open stream is not affected. */
  readonly signal?: AbortSignal
}

/**
 * An open stream: bytes in both directions, reliable, in order, end-to-end encrypted. It outlives
 * changes of path, and breaks of up to a day while both peers run; chunks have no boundaries.
 *
 * Each direction ends by itself: `writable` closes after everything was acknowledged by the other
 * peer, or is aborted, which resets it there; `readable` closes after the other end's last byte, or
 * is cancelled, which stops the writer there. A code of 0 to 2^32 - 1 travels with a reset and a stop:
 * abort or cancel with `new MeshError('stream-reset', text, { streamCode })` or with the number
 * itself; the code is 0 for every other reason. The other end sees it as `streamCode` of its error.
 */
export interface MeshStream {
  readonly peer: PeerId
  readonly protocol: string
  readonly priority: Priority
  /**
   * What the other end writes, in chunks of at most 64 KiB that are yours. A byte stream (`mode:
   * 'byob'`) where the platform has them. What is not read is not sent: some 256 KiB to 1 MiB wait at
   * the most. Errors with `MeshError`: `stream-reset`, `stream-lost`, `mesh-closed`.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>
  /**
   * Takes buffers and views of any size. They are copied: a buffer is the caller's again as soon as
   * its `write` has resolved. `ready` and `desiredSize` follow what leaves this peer, with 256 KiB on
   * the way at the most. Errors with `MeshError`: `stream-stopped`, `stream-lost`, `mesh-closed`.
   */
  readonly writable: WritableStream<ArrayBuffer | ArrayBufferView>
  /**
   * Resolves when both directions are over as the two ends wanted it (read or written to the end,
   * cancelled or aborted here); rejects with the `MeshError` of the direction that failed. A rejection
   * that nobody waits for is no error.
   */
  readonly closed: Promise<void>
}
