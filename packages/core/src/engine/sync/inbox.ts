/** The inbox of one neighbour: what it sent, on its way into the replica, one batch at a time. */

import type { Delivery } from './replica-port.ts'

/** Pushed changes waiting for storage, in message bytes; further ones are dropped and compared for. */
export const inboxBytesMax = 4 * 1024 * 1024

/** Pushed changes handed to the replica at once. */
const batchDeliveriesMax = 256

export interface InboxBatch {
  readonly deliveries: readonly Delivery[]
  /** They answer a request of the fetcher. */
  readonly fetched: boolean
}

export class Inbox {
  #batches: (InboxBatch & { readonly bytes: number })[] = []
  #pushedBytes = 0
  #receivedCount = 0
  /** Batches that are being applied together. */
  #applyingCount = 0

  /** Nothing waits and nothing is being applied. */
  get idle(): boolean {
    return this.#applyingCount === 0 && this.#batches.length === 0
  }

  /** Batches queued so far … */
  get receivedCount(): number {
    return this.#receivedCount
  }

  /** … and the first so many of them that were dealt with. */
  get appliedCount(): number {
    return this.#receivedCount - this.#batches.length - this.#applyingCount
  }

  /** Queues changes that were pushed in a message of that size. False when they were dropped. */
  push(deliveries: readonly Delivery[], bytes: number): boolean {
    if (this.#pushedBytes > 0 && this.#pushedBytes + bytes > inboxBytesMax) return false
    this.#pushedBytes += bytes
    this.#receivedCount += 1
    this.#batches.push({ deliveries, fetched: false, bytes })
    return true
  }

  /** Queues what was asked for; there is one request at a time, which is the bound. */
  fetched(deliveries: readonly Delivery[]): void {
    this.#receivedCount += 1
    this.#batches.push({ deliveries, fetched: true, bytes: 0 })
  }

  /** The next batch to apply, when none is being applied; `applied` must follow. */
  take(): InboxBatch | undefined {
    const first = this.#batches[0]
    if (this.#applyingCount > 0 || first === undefined) return undefined
    let count = 0
    const deliveries: Delivery[] = []
    for (const batch of this.#batches) {
      const fits = deliveries.length + batch.deliveries.length <= batchDeliveriesMax
      if (count > 0 && (batch.fetched || first.fetched || !fits)) break
      deliveries.push(...batch.deliveries)
      this.#pushedBytes -= batch.bytes
      count += 1
    }
    this.#batches = this.#batches.slice(count)
    this.#applyingCount = count
    return { deliveries, fetched: first.fetched }
  }

  applied(): void {
    this.#applyingCount = 0
  }
}
