/** Questions to the replica that are under way, each with what to do with its answer. */

import type { PeerId } from '../identity/peer-id.ts'
import type { DocumentKey } from './change.ts'
import type {
  ChangesWanted,
  Delivery,
  ListedHead,
  ReplicaNotice,
  ReplicaPort,
  ReplicaRequestId,
} from './replica-port.ts'

/** A notice that answers a request. */
type ReplicaAnswer = Exclude<ReplicaNotice, { type: 'committed' }>

type AnswerOf<Type extends ReplicaAnswer['type']> = Extract<ReplicaAnswer, { type: Type }>

/**
 * Asks the replica. Each neighbour has at most one request of a kind under way, so the table stays
 * as small as the number of neighbours.
 */
export class ReplicaRequests {
  readonly #replica: ReplicaPort
  readonly #continuations = new Map<
    ReplicaRequestId,
    (answer: ReplicaAnswer, nowMs: number) => void
  >()
  #lastRequest: ReplicaRequestId = 0

  constructor(replica: ReplicaPort) {
    this.#replica = replica
  }

  listHeads(
    after: DocumentKey | undefined,
    limit: number,
    nowMs: number,
    then: (heads: readonly ListedHead[], more: boolean, nowMs: number) => void,
  ): void {
    const request = this.#expect('heads-listed', (answer, nowMs) =>
      then(answer.heads, answer.more, nowMs),
    )
    this.#replica.listHeads(request, after, limit, nowMs)
  }

  readHeads(
    documents: readonly DocumentKey[],
    nowMs: number,
    then: (heads: AnswerOf<'heads-read'>['heads'], nowMs: number) => void,
  ): void {
    const request = this.#expect('heads-read', (answer, nowMs) => then(answer.heads, nowMs))
    this.#replica.readHeads(request, documents, nowMs)
  }

  readChanges(
    wanted: readonly ChangesWanted[],
    bytesMax: number,
    nowMs: number,
    then: (deliveries: readonly Delivery[], more: boolean, nowMs: number) => void,
  ): void {
    const request = this.#expect('changes-read', (answer, nowMs) =>
      then(answer.deliveries, answer.more, nowMs),
    )
    this.#replica.readChanges(request, wanted, bytesMax, nowMs)
  }

  apply(
    from: PeerId,
    deliveries: readonly Delivery[],
    nowMs: number,
    then: (outcomes: AnswerOf<'applied'>['outcomes'], nowMs: number) => void,
  ): void {
    const request = this.#expect('applied', (answer, nowMs) => then(answer.outcomes, nowMs))
    this.#replica.apply(request, from, deliveries, nowMs)
  }

  /** Goes on with whatever asked. */
  answered(answer: ReplicaAnswer, nowMs: number): void {
    const continuation = this.#continuations.get(answer.request)
    this.#continuations.delete(answer.request)
    continuation?.(answer, nowMs)
  }

  #expect<Type extends ReplicaAnswer['type']>(
    type: Type,
    then: (answer: AnswerOf<Type>, nowMs: number) => void,
  ): ReplicaRequestId {
    this.#lastRequest += 1
    this.#continuations.set(this.#lastRequest, (answer, nowMs) => {
      if (answer.type === type) then(answer as AnswerOf<Type>, nowMs)
    })
    return this.#lastRequest
  }
}
