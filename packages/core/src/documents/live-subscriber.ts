/** What one live document of the application is sent: in order, within its credit. */

import type { MeshEvent, SubscriberId } from '../engine/command.ts'
import type { DocumentKey } from '../engine/sync/change.ts'

/** Most bytes sent and not acknowledged; at that the rest waits. One update is sent in any case. */
export const creditBytes = 256 * 1024

/** Most bytes that wait; beyond, they are dropped and the whole state is sent again. */
export const waitingBytesMax = 4 * 1024 * 1024

/** See the file header. */
export class LiveSubscriber {
  readonly subscriber: SubscriberId
  readonly document: DocumentKey
  /** The state as it was when it was read; bounded by the size of a document. */
  #state: Uint8Array[] = []
  /** What was committed since. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #unacknowledgedBytes = 0
  #loaded = false
  #loadedTold = false
  /** Updates were dropped, or there is no state yet: what comes is dropped until the state is. */
  #stateless = true
  /** The state has to be asked for. */
  #wish = false

  constructor(subscriber: SubscriberId, document: DocumentKey) {
    this.subscriber = subscriber
    this.document = document
  }

  /** The whole state, in parts: at the beginning, or after the queue overflowed. */
  addState(updates: readonly Uint8Array[]): void {
    this.#state.push(...updates)
    this.#stateless = false
    this.#loaded = true
  }

  /** Updates that became durable. */
  add(updates: readonly Uint8Array[]): void {
    if (this.#stateless) return
    for (const update of updates) {
      this.#waiting.push(update)
      this.#waitingBytes += update.length
    }
    if (this.#waitingBytes <= waitingBytesMax) return
    this.#waiting = []
    this.#waitingBytes = 0
    this.#stateless = true
    this.#wish = true
  }

  acknowledge(bytes: number): void {
    this.#unacknowledgedBytes = Math.max(0, this.#unacknowledgedBytes - bytes)
  }

  /** Asks for the state again. */
  wishState(): void {
    this.#wish = true
  }

  /** The queue was dropped, and all that was sent is acknowledged: true once for each time. */
  takeStateWish(): boolean {
    const ready = this.#wish && this.#state.length === 0 && this.#unacknowledgedBytes === 0
    if (ready) this.#wish = false
    return ready
  }

  /** The next event to send, if there is anything to say and credit for it. */
  next(): MeshEvent | undefined {
    const updates: Uint8Array[] = []
    for (let update = this.#first(); update !== undefined; update = this.#first()) {
      const bytes = this.#unacknowledgedBytes + update.length
      if (bytes > creditBytes && this.#unacknowledgedBytes > 0) break
      this.#unacknowledgedBytes = bytes
      this.#shift(update)
      updates.push(update)
    }
    const loaded = this.#loaded && this.#state.length === 0
    if (updates.length === 0 && loaded === this.#loadedTold) return undefined
    this.#loadedTold = loaded
    return { type: 'document-updated', subscriber: this.subscriber, updates, loaded }
  }

  #first(): Uint8Array | undefined {
    return this.#state[0] ?? this.#waiting[0]
  }

  #shift(update: Uint8Array): void {
    if (this.#state.length > 0) {
      this.#state.shift()
      return
    }
    this.#waiting.shift()
    this.#waitingBytes -= update.length
  }
}
