/** A stream over the engine: its two directions, and what became of both. */

import { unreachable } from '../engine/assert.ts'
import {
  streamRefusedCode,
  streamStoppingCode,
  type StreamHandle,
} from '../engine/connection/stream-port.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Priority } from '../engine/link/link-port.ts'
import type { ApplicationStreamEvent } from '../engine/output.ts'
import type { StreamInput } from '../driver/stream-orders.ts'
import { MeshError } from './mesh-error.ts'
import type { MeshStream } from './mesh-stream.ts'
import { StreamReader } from './stream-reader.ts'
import { StreamWriter } from './stream-writer.ts'

/** What happens to a stream that is open. */
export type OpenStreamEvent = Exclude<ApplicationStreamEvent, { readonly type: 'stream-opened' }>

export interface EngineStreamOptions {
  readonly stream: StreamHandle
  readonly peer: PeerId
  readonly protocol: string
  readonly priority: Priority
  readonly post: (order: StreamInput) => void
  /** Nothing happens to it any more: forget it. */
  readonly gone: () => void
}

/** See the file header. */
export class EngineStream implements MeshStream {
  readonly peer: PeerId
  readonly protocol: string
  readonly priority: Priority
  readonly closed: Promise<void>
  readonly #reader: StreamReader
  readonly #writer: StreamWriter
  /** Says that the writer has heard that it was stopped: until then the engine keeps the stream. */
  readonly #letGo: () => void
  readonly #gone: () => void
  #openDirections = 2
  #error: MeshError | undefined
  #settle!: { readonly resolve: () => void; readonly reject: (error: MeshError) => void }

  constructor({ stream, peer, protocol, priority, post, gone }: EngineStreamOptions) {
    this.peer = peer
    this.protocol = protocol
    this.priority = priority
    this.#letGo = () => post({ type: 'stream-reset', stream, code: 0 })
    this.#gone = gone
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Waiting for it is optional.
    this.closed.catch(() => {})
    const over = (error?: MeshError) => this.#over(error)
    this.#reader = new StreamReader({
      consumed: (bytes) => post({ type: 'stream-consumed', stream, bytes }),
      stop: (code) => post({ type: 'stream-stopped', stream, code }),
      over,
    })
    this.#writer = new StreamWriter({
      write: (bytes, finish) => post({ type: 'stream-written', stream, bytes, finish }),
      reset: (code) => post({ type: 'stream-reset', stream, code }),
      over,
    })
  }

  get readable(): MeshStream['readable'] {
    return this.#reader.readable
  }

  get writable(): MeshStream['writable'] {
    return this.#writer.writable
  }

  event(event: OpenStreamEvent): void {
    switch (event.type) {
      case 'stream-data':
        this.#reader.received(event.bytes)
        return
      case 'stream-finished':
        this.#reader.finished()
        return
      case 'stream-reset':
        this.#reader.fail(this.#errorOf('stream-reset', event.code))
        return
      case 'stream-stopped':
        this.#letGo()
        this.#writer.fail(this.#errorOf('stream-stopped', event.code))
        return
      case 'stream-drained':
        this.#writer.drained(event.drainedBytes)
        return
      case 'stream-delivered':
        this.#writer.delivered()
        return
      case 'stream-lost': {
        const message = `the connection of ${this.#name()} has ended`
        this.fail(new MeshError('stream-lost', message))
        return
      }
      default:
        unreachable(event)
    }
  }

  /** Ends what is still open of it. */
  fail(error: MeshError): void {
    this.#reader.fail(error)
    this.#writer.fail(error)
  }

  /** What the other end's code says: its application's, or one of the two of engines. */
  #errorOf(code: 'stream-reset' | 'stream-stopped', streamCode: number): MeshError {
    if (streamCode === streamRefusedCode) {
      const message = `${this.peer} does not accept streams of the protocol ${this.protocol}`
      return new MeshError('stream-refused', message)
    }
    if (streamCode === streamStoppingCode) {
      return new MeshError('stream-lost', `${this.#name()} has ended: the other mesh was closed`)
    }
    const what = code === 'stream-reset' ? 'reset' : 'stopped reading'
    const message = `the other end ${what} ${this.#name()} with code ${streamCode}`
    return new MeshError(code, message, { streamCode })
  }

  #name(): string {
    return `the stream ${this.protocol} with ${this.peer}`
  }

  #over(error: MeshError | undefined): void {
    this.#openDirections -= 1
    this.#error ??= error
    if (this.#openDirections > 0) return
    if (this.#error) this.#settle.reject(this.#error)
    else this.#settle.resolve()
    this.#gone()
  }
}
