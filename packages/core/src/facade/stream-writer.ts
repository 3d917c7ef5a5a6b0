/**
 * The writing direction of a stream: a WritableStream over the engine's credit.
 *
 * Invariant: never more than `streamWriteBytesMax` are written beyond what has drained. A chunk that
 * does not fit waits in its `write`, so that the stream's own queue holds back whoever minds `ready`.
 */

import { streamWriteBytesMax } from '../engine/connection/stream-port.ts'
import type { MeshError } from './mesh-error.ts'
import type { MeshStream } from './mesh-stream.ts'
import { streamCodeOf } from './stream-code.ts'

/**
 * Pieces in which chunks are written, in bytes: four of them are on the way, so that the next one
 * leaves while the last one is made into packets.
 */
const pieceBytesMax = 64 * 1024
/** Bytes that wait in the WritableStream before `ready` does: one piece. */
const waitingBytesMax = pieceBytesMax

export interface StreamWriterOptions {
  /** Hands bytes over for good, in buffers of their own. */
  readonly write: (bytes: Uint8Array, finish: boolean) => void
  readonly reset: (code: number) => void
  /** Told once, when nothing follows in this direction; with the error unless this end wanted it. */
  readonly over: (error?: MeshError) => void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** See the file header. */
export class StreamWriter {
  readonly writable: MeshStream['writable']
  readonly #options: StreamWriterOptions
  #controller!: WritableStreamDefaultController
  #state: 'open' | 'finishing' | 'over' = 'open'
  #writtenBytes = 0
  #drainedBytes = 0
  /** Why nothing can be written any more. */
  #endReason: unknown
  /** A `write` that waits for credit, or a `close` that waits for the last acknowledgement. */
  #waiter: Waiter | undefined

  constructor(options: StreamWriterOptions) {
    this.#options = options
    this.writable = new WritableStream<ArrayBuffer | ArrayBufferView>(
      {
        start: (controller) => {
          this.#controller = controller
          // `abort` below waits for a `write` or `close` under way, which may wait for the far end.
          controller.signal.addEventListener('abort', () => this.#abort(controller.signal.reason))
        },
        write: (chunk) => this.#write(chunk),
        close: () => this.#close(),
        abort: (reason) => this.#abort(reason),
      },
      { highWaterMark: waitingBytesMax, size: sizeOf },
    )
  }

  /** So many bytes have left, in all. */
  drained(drainedBytes: number): void {
    this.#drainedBytes = drainedBytes
    if (this.#state === 'open') this.#wake()
  }

  /** Everything has been acknowledged, the end included. */
  delivered(): void {
    if (this.#state !== 'finishing') return
    this.#end(undefined)
    this.#wake()
  }

  /** Nothing that is written from now on arrives. Without effect once this direction is over. */
  fail(error: MeshError): void {
    if (this.#state === 'over') return
    this.#end(error, error)
    this.#controller.error(error)
    this.#refuse()
  }

  #write(chunk: unknown): Promise<void> | undefined {
    const bytes = viewOf(chunk)
    if (!bytes) {
      this.#abort(undefined)
      throw new TypeError('A chunk of a stream is an ArrayBuffer or a view of one')
    }
    const writtenBytes = this.#writePieces(bytes, 0)
    return writtenBytes === bytes.length ? undefined : this.#writeRest(bytes, writtenBytes)
  }

  async #writeRest(bytes: Uint8Array, from: number): Promise<void> {
    let offset = from
    while (offset < bytes.length) {
      await new Promise<void>((resolve, reject) => {
        this.#waiter = { resolve, reject }
      })
      // It may have ended between the credit and this.
      if (this.#state === 'over') throw this.#endReason
      offset = this.#writePieces(bytes, offset)
    }
  }

  /** Writes what there is credit for; returns where that ends. */
  #writePieces(bytes: Uint8Array, from: number): number {
    let offset = from
    while (offset < bytes.length && this.#state === 'open') {
      const pieceBytes = Math.min(bytes.length - offset, pieceBytesMax)
      const onTheWayBytes = this.#writtenBytes - this.#drainedBytes
      if (onTheWayBytes + pieceBytes > streamWriteBytesMax) break
      const end = offset + pieceBytes
      this.#options.write(bytes.slice(offset, end), false)
      this.#writtenBytes += pieceBytes
      offset = end
    }
    return offset
  }

  async #close(): Promise<void> {
    if (this.#state !== 'open') return undefined
    this.#state = 'finishing'
    this.#options.write(new Uint8Array(0), true)
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  #abort(reason: unknown): void {
    if (this.#state === 'over') return
    this.#options.reset(streamCodeOf(reason))
    this.#end(reason)
    this.#refuse()
  }

  #end(reason: unknown, error?: MeshError): void {
    this.#state = 'over'
    this.#endReason = reason
    this.#options.over(error)
  }

  #wake(): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.resolve()
  }

  #refuse(): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.reject(this.#endReason)
  }
}

/** What a chunk counts for in the WritableStream's queue; what is none is refused by `write`. */
function sizeOf(chunk: unknown): number {
  return viewOf(chunk)?.byteLength ?? 0
}

function viewOf(chunk: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : undefined
}
