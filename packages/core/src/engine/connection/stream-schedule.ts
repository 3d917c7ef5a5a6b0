/**
 * Which stream sends next: those of one priority in turn, a packet each (rule ST9).
 *
 * Invariant: a stream that has something to send is in the queue of its rank, or waits for the
 * connection's credit.
 */

import type { SendStream } from './send-stream.ts'

/** A stream in its turn. */
export interface ScheduledStream {
  readonly sending: SendStream
  readonly rank: number
}

/** Streams that have something to send. Their number is that of the open streams at the most. */
export class StreamSchedule<Stream extends ScheduledStream> {
  readonly #queues: readonly Stream[][]
  readonly #queued = new Set<Stream>()
  /** They have only bytes that were never sent, and the connection's credit is used up. */
  readonly #blocked = new Set<Stream>()
  readonly #creditOf: (stream: Stream) => number

  /** `creditOf`: how many bytes never sent before the stream may send. */
  constructor(rankCount: number, creditOf: (stream: Stream) => number) {
    this.#queues = Array.from({ length: rankCount }, () => [])
    this.#creditOf = creditOf
  }

  /** Something may have changed: queues the stream when it has something to send. */
  update(stream: Stream): void {
    if (this.#queued.has(stream) || !stream.sending.canSend(Number.POSITIVE_INFINITY)) return
    this.#blocked.delete(stream)
    this.#queued.add(stream)
    this.#queues[stream.rank]!.push(stream)
  }

  /** The connection has new credit. */
  creditRaised(): void {
    for (const stream of this.#blocked) this.update(stream)
  }

  /** The stream that is next; those in front of it that cannot send any more leave the queue. */
  next(rank: number): Stream | undefined {
    const queue = this.#queues[rank]!
    for (;;) {
      const stream = queue[0]
      if (stream === undefined || stream.sending.canSend(this.#creditOf(stream))) return stream
      queue.shift()
      this.#queued.delete(stream)
      if (stream.sending.canSend(Number.POSITIVE_INFINITY)) this.#blocked.add(stream)
    }
  }

  /** Those of the rank that are in turn, and perhaps some that cannot send any more. */
  queued(rank: number): readonly Stream[] {
    return this.#queues[rank]!
  }

  /** The stream has had its turn: the others of its rank go first. */
  rotate(stream: Stream): void {
    const queue = this.#queues[stream.rank]!
    if (queue[0] !== stream || queue.length === 1) return
    queue.shift()
    queue.push(stream)
  }

  /** The stream is forgotten. */
  remove(stream: Stream): void {
    this.#blocked.delete(stream)
    if (!this.#queued.delete(stream)) return
    const queue = this.#queues[stream.rank]!
    queue.splice(queue.indexOf(stream), 1)
  }
}
