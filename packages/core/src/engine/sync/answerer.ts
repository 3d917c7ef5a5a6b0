/**
 * The answerer of one neighbour: gives it what it asks for, one request at a time. Rule SY12 of
 * docs/specs/sync.md.
 */

import { messageBytesMax } from '../connection/message-port.ts'
import type { EngineContext } from '../context.ts'
import type { Outbox } from './outbox.ts'
import type { PushQueue } from './push-queue.ts'
import type { ChangesWanted, Delivery } from './replica-port.ts'
import type { ReplicaRequests } from './replica-requests.ts'
import { deliveriesPerMessageMax } from './sync-message-codec.ts'

/** About how much one answer holds, so that a keystroke never waits long behind it. */
export const answerBytesMax = 64 * 1024

interface Asked {
  readonly request: number
  readonly wanted: readonly ChangesWanted[]
}

export class Answerer {
  readonly #context: EngineContext
  readonly #requests: ReplicaRequests
  readonly #outbox: Outbox
  readonly #queue: PushQueue
  #asked: Asked | undefined
  #reading = false
  #closed = false

  constructor(context: EngineContext, requests: ReplicaRequests, outbox: Outbox, queue: PushQueue) {
    this.#context = context
    this.#requests = requests
    this.#outbox = outbox
    this.#queue = queue
  }

  /** Takes a request in. False, and it is ignored, when the one before is not answered yet. */
  ask(asked: Asked): boolean {
    if (this.#asked !== undefined) return false
    this.#asked = asked
    return true
  }

  /** Starts on the request, once the stream takes the answer. */
  advance(nowMs: number): void {
    const asked = this.#asked
    if (asked === undefined || this.#reading || this.#closed || this.#outbox.blocked) return
    this.#reading = true
    this.#requests.readChanges(asked.wanted, answerBytesMax, nowMs, (deliveries, more, nowMs) => {
      if (this.#closed) return
      this.#reading = false
      this.#asked = undefined
      this.#send(asked.request, deliveries, more, nowMs)
    })
  }

  close(): void {
    this.#closed = true
  }

  #send(request: number, found: readonly Delivery[], foundMore: boolean, nowMs: number): void {
    let deliveries = found.slice(0, deliveriesPerMessageMax)
    let more = foundMore || deliveries.length < found.length
    let bytes = this.#outbox.encode({ type: 'answer', request, more, deliveries })
    while (bytes.length > messageBytesMax && deliveries.length > 1) {
      deliveries = deliveries.slice(0, -1)
      more = true
      bytes = this.#outbox.encode({ type: 'answer', request, more, deliveries })
    }
    for (const delivery of deliveries) {
      if (delivery.type === 'change') this.#queue.learn(delivery.change)
    }
    this.#context.recorder.sync.changesServed.add(deliveries.length)
    this.#outbox.sendEncoded(bytes, nowMs)
  }
}
