/** Handles of the application's streams: where each one's state is, whatever becomes of its connection. */

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
  readonly #places = new Map<StreamHandle, StreamPlace>()
  #nextHandle: StreamHandle = 1

  get size(): number {
    return this.#places.size
  }

  add(place: StreamPlace): StreamHandle {
    const handle = this.#nextHandle
    this.#nextHandle += 1
    this.#places.set(handle, place)
    return handle
  }

  get(handle: StreamHandle): StreamPlace | undefined {
    return this.#places.get(handle)
  }

  remove(handle: StreamHandle): void {
    this.#places.delete(handle)
  }
}
