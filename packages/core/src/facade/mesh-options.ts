/** The options of `openMesh`, as the application gives them. */

import type { Storage } from '../storage/storage.ts'
import type { Transport } from '../transport/transport.ts'

/**
 * The part of a dedicated worker that `openMesh` uses. A browser's `Worker` is one; named by shape,
 * so that these types need no DOM.
 */
export interface MeshWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(type: string, listener: (event: MeshWorkerEvent) => void): void
  removeEventListener(type: string, listener: (event: MeshWorkerEvent) => void): void
  terminate(): void
}

/** What a worker tells its page: a message, or the error that ended it. */
export interface MeshWorkerEvent {
  readonly type: string
  readonly data?: unknown
  readonly message?: string
}

export interface MeshOptions {
  /** Name of the application, 1 to 64 characters; peers of different applications never talk. */
  readonly app: string
  /** 32 bytes that every peer of the mesh shares, or the same as 64 hexadecimal digits. */
  readonly secret: Uint8Array | string
  /**
   * In a browser, and only there: the worker whose file calls `serveEngine()`. The mesh owns it from
   * now on and terminates it when it closes or cannot open.
   */
  readonly worker?: MeshWorker
  /** In Node, and only there: where the peer keeps its documents. In memory by default. */
  readonly storage?: Storage
  /** Tells apart several stores of one application on one device, 1 to 64 characters; default `main`. */
  readonly store?: string
  /** Ways to reach other peers; none by default, which makes a peer by itself. */
  readonly transports?: readonly Transport[]
  /** What other peers are shown, at most 64 characters; default empty. */
  readonly name?: string
  /** More of what other peers are shown: at most 16 entries, keys and values of at most 256 characters. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Gives up opening; `openMesh` then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}
