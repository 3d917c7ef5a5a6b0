/** Handles of the application's streams: where each one's state is, whatever becomes of its connection. */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { StreamHandle } from './stream-port.ts'
import type { StreamSet } from './stream-set.ts'

/** Where a stream is. */
export interface StreamPlace {
  readonly peer: PeerId
  readonly streams: StreamSet
  /** On the wire. */
  readonly id: number
}

/** One of each engine. Bounded by the streams that are open. */
export class StreamDirectory {
  readonly #context: EngineContext
  readonly #places = new Map<StreamHandle, StreamPlace>()
  #nextHandle: StreamHandle = 1

  constructor(context: EngineContext) {
    this.#context = context
  }

  get size(): number {
    return this.#places.size
  }

  add(place: StreamPlace): StreamHandle {
    const handle = this.#nextHandle
    this.#nextHandle += 1
    this.#places.set(handle, place)
    this.#context.recorder.connection.streams.set(this.#places.size)
    return handle
  }

  get(handle: StreamHandle): StreamPlace | undefined {
    return this.#places.get(handle)
  }

  remove(handle: StreamHandle): void {
    this.#places.delete(handle)
    this.#context.recorder.connection.streams.set(this.#places.size)
  }
}
