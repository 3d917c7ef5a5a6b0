/**
 * The record port: plain records between two threads, or between two objects of one.
 *
 * Records of one task leave together and arrive in order, in a task or microtask of their own: the
 * receiver is never called from inside `post`.
 */

/** One end. `Sent` and `Received` are plain data; bytes are fields, or arrays in fields, of a record. */
export interface RecordPort<Sent, Received> {
  /** Queues a record. Without effect once closed. */
  post(record: Sent): void
  /**
   * Posts in this very call a record with objects that move to the other thread with it. Throws the
   * platform's DataCloneError for what cannot move. Absent between objects of one thread.
   */
  transfer?(record: Sent, objects: readonly object[]): void
  /** Takes the receiver; called once. Records that came earlier are delivered first. */
  receive(receiver: (records: readonly Received[]) => void): void
  /** Nothing is delivered to this end afterwards; what was posted still leaves. Idempotent. */
  close(): void
}

/** Two ends in one thread: bytes are handed over, not copied. */
export function createRecordPortPair<A, B>(): [RecordPort<A, B>, RecordPort<B, A>] {
  const one = new LocalRecordPort<A, B>()
  const other = new LocalRecordPort<B, A>()
  one.connect(other)
  other.connect(one)
  return [one, other]
}

class LocalRecordPort<Sent, Received> implements RecordPort<Sent, Received> {
  #other: LocalRecordPort<Received, Sent> | undefined
  #receiver: ((records: readonly Received[]) => void) | undefined
  #waiting: Received[] = []
  #batch: Sent[] = []
  #closed = false

  connect(other: LocalRecordPort<Received, Sent>): void {
    this.#other = other
  }

  post(record: Sent): void {
    if (this.#closed) return
    this.#batch.push(record)
    if (this.#batch.length > 1) return
    queueMicrotask(() => {
      const batch = this.#batch
      this.#batch = []
      this.#other?.deliver(batch)
    })
  }

  receive(receiver: (records: readonly Received[]) => void): void {
    this.#receiver = receiver
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length > 0) queueMicrotask(() => this.deliver(waiting))
  }

  close(): void {
    this.#closed = true
  }

  deliver(records: readonly Received[]): void {
    if (this.#closed) return
    if (this.#receiver) this.#receiver(records)
    else this.#waiting.push(...records)
  }
}
