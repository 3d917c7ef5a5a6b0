/** A point in the code that records one kind of event: level, token, ring. */

import type { EventArgument, EventRing } from './event-ring.ts'
import type { Counter, EventPoint } from './instrument.ts'
import type { TokenBuckets } from './token-buckets.ts'

/** What all event points of a recorder share. */
export interface EventSink {
  /** By event index: 1 while the event is recorded. */
  readonly enabled: Uint8Array
  readonly tokens: TokenBuckets
  readonly ring: EventRing
  readonly suppressed: Counter
}

export class RingEventPoint implements EventPoint {
  readonly #index: number
  readonly #parameterCount: number
  readonly #enabled: Uint8Array
  readonly #sink: EventSink

  constructor(index: number, parameterCount: number, sink: EventSink) {
    this.#index = index
    this.#parameterCount = parameterCount
    this.#enabled = sink.enabled
    this.#sink = sink
  }

  record(
    a?: EventArgument,
    b?: EventArgument,
    c?: EventArgument,
    d?: EventArgument,
    e?: EventArgument,
    f?: EventArgument,
  ): void {
    const index = this.#index
    if (this.#enabled[index] === 0) return
    const { tokens, ring, suppressed } = this.#sink
    if (!tokens.take(index, ring.nowMs)) {
      suppressed.add()
      return
    }
    ring.append(index, this.#parameterCount, tokens.takeSuppressed(index), a, b, c, d, e, f)
  }
}
