/**
 * The reading direction of a stream: a ReadableStream that gives the other end credit for what is
 * read and nothing else.
 *
 * Invariant: what waits here has been told of and not been credited, so the window of the stream
 * bounds it.
 */

import { comesWithBuffer } from '../engine/connection/stream-port.ts'
import type { MeshError } from './mesh-error.ts'
import type { MeshStream } from './mesh-stream.ts'
import { streamCodeOf } from './stream-code.ts'

export interface StreamReaderOptions {
  /** So many bytes more have been read, or dropped unread. */
  readonly consumed: (bytes: number) => void
  readonly stop: (code: number) => void
  /** Told once, when nothing follows in this direction; with the error unless this end wanted it. */
  readonly over: (error?: MeshError) => void
}

type Controller =
  | ReadableByteStreamController
  | (ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> & { readonly byobRequest?: null })

/** See the file header. */
export class StreamReader {
  readonly readable: MeshStream['readable']
  readonly #options: StreamReaderOptions
  #controller!: Controller
  /** `finished`: the other end's last byte is here, or has been read. */
  #state: 'open' | 'finished' | 'over' = 'open'
  readonly #waiting: Uint8Array[] = []
  /** Resolves the `pull` that found nothing. */
  #awaited: (() => void) | undefined

  constructor(options: StreamReaderOptions) {
    this.#options = options
    this.readable = makeReadable({
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => this.#pull(),
      cancel: (reason) => this.#cancel(reason),
    })
  }

  /** The next bytes; they are this reader's. */
  received(bytes: Uint8Array): void {
    if (this.#state !== 'open' || bytes.length === 0) return
    if (this.#awaited) {
      this.#hand(bytes)
      this.#wake()
    } else this.#waiting.push(bytes)
  }

  /** Nothing follows what was received. */
  finished(): void {
    if (this.#state !== 'open') return
    this.#state = 'finished'
    if (this.#waiting.length > 0) return
    this.#close()
    this.#wake()
  }

  /** Nothing more is received. Without effect on what has been received to its end. */
  fail(error: MeshError): void {
    if (this.#state !== 'open') return
    this.#state = 'over'
    this.#drop()
    this.#controller.error(error)
    this.#wake()
    this.#options.over(error)
  }

  /** Called while somebody reads and there is nothing in the ReadableStream. */
  #pull(): Promise<void> | undefined {
    const bytes = this.#waiting.shift()
    if (!bytes) {
      return new Promise((resolve) => {
        this.#awaited = resolve
      })
    }
    this.#hand(bytes)
    if (this.#state === 'finished' && this.#waiting.length === 0) this.#close()
    return undefined
  }

  #hand(bytes: Uint8Array): void {
    const { length } = bytes
    // Byte streams take the whole buffer.
    this.#controller.enqueue(
      comesWithBuffer(bytes) ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice(),
    )
    this.#options.consumed(length)
  }

  #close(): void {
    this.#state = 'over'
    try {
      this.#controller.close()
      // Whoever waits with a buffer of its own gets it back.
      this.#controller.byobRequest?.respond(0)
    } catch {
      // The last bytes do not fill an element of the reader's own view, which has errored with that.
    }
    this.#options.over()
  }

  #cancel(reason: unknown): void {
    this.#wake()
    if (this.#state === 'over') return
    const isToldOfAll = this.#state === 'finished'
    this.#state = 'over'
    this.#drop()
    if (!isToldOfAll) this.#options.stop(streamCodeOf(reason))
    this.#options.over()
  }

  /** What nobody will read: the connection's credit for it goes back all the same. */
  #drop(): void {
    let bytes = 0
    for (const { length } of this.#waiting.splice(0)) bytes += length
    if (bytes > 0) this.#options.consumed(bytes)
  }

  #wake(): void {
    const awaited = this.#awaited
    this.#awaited = undefined
    awaited?.()
  }
}

interface Source {
  start(controller: Controller): void
  pull(): Promise<void> | undefined
  cancel(reason: unknown): void
}

/** A byte stream where the platform has them. Nothing waits in either that nobody reads. */
function makeReadable(source: Source): MeshStream['readable'] {
  const strategy = { highWaterMark: 0 }
  try {
    return new ReadableStream({ ...source, type: 'bytes' }, strategy)
  } catch {
    return new ReadableStream<Uint8Array<ArrayBuffer>>(source, strategy)
  }
}
