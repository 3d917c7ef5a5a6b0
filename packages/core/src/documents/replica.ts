/**
 * The replica: the local database of documents. Answers commands, keeps live queries and live
 * documents up to date, and serves sync. Specified in docs/specs/documents.md.
 *
 * The law: nothing is answered, shown or handed to sync before it is durable. Storage operations go
 * out through `poll` and are answered through `storageAnswered`; after each call the caller drains
 * `poll`. The work is done by the neighbours: `scheduler.ts` runs jobs and commits them,
 * `change-application.ts` moves documents on, `row-queries.ts`, `live-documents.ts` and
 * `change-reader.ts` face the application and sync.
 */

import { unreachable } from '../engine/assert.ts'
import type { Command } from '../engine/command.ts'
import type { EngineContext } from '../engine/context.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { CommandId, StorageAnswer, StorageRequestId } from '../engine/input.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import type {
  ChangesWanted,
  Delivery,
  DeliveryOutcome,
  ReplicaPort,
  ReplicaRequestId,
} from '../engine/sync/replica-port.ts'
import type { Writer } from '../engine/sync/version.ts'
import { ChangeReader } from './change-reader.ts'
import { ClientIds } from './client-ids.ts'
import { deliveredDocuments } from './delivery-assessment.ts'
import { DeliveryJob } from './delivery-job.ts'
import { isCollectionName, isDocumentId } from './document-limits.ts'
import { revisionOf } from './document-state.ts'
import type { DocumentsPort } from './documents-port.ts'
import type { Effects } from './job.ts'
import { LiveDocuments, type LiveSetting } from './live-documents.ts'
import { documentsOf } from './local-transaction.ts'
import type { Row } from './query.ts'
import { ReplicaOutputs, type ReplicaOutput } from './replica-outputs.ts'
import { RowQueries } from './row-queries.ts'
import { Scheduler } from './scheduler.ts'
import { decodeStoredHead, documentStorageKey } from './storage-layout.ts'
import { problemOfFault } from './storage-problem.ts'
import { StorageRequests } from './storage-requests.ts'
import { WriteJob } from './write-job.ts'

export type { ReplicaOutput } from './replica-outputs.ts'

/** The commands that are the replica's to answer. */
export type ReplicaCommand = Extract<
  Command,
  {
    readonly type:
      | 'write'
      | 'get'
      | 'find'
      | 'observe'
      | 'unobserve'
      | 'open-document'
      | 'update-document'
      | 'acknowledge-document'
      | 'close-document'
  }
>

export interface ReplicaOptions {
  readonly peer: PeerId
  /** Count of this store's openings: with the peer it names the writer of this boot's changes. */
  readonly epoch: number
  readonly documents: DocumentsPort
}

/** See the file header. */
export class Replica implements ReplicaPort {
  readonly #context: EngineContext
  readonly #outputs = new ReplicaOutputs()
  readonly #requests = new StorageRequests(this.#outputs)
  readonly #setting: LiveSetting
  readonly #scheduler: Scheduler
  readonly #queries: RowQueries
  readonly #live: LiveDocuments
  readonly #reader = new ChangeReader(this.#outputs, this.#requests)
  #seq = 0
  #stopping = false

  constructor(context: EngineContext, { peer, epoch, documents }: ReplicaOptions) {
    const self: Writer = { peer, epoch }
    const clientIds = new ClientIds(context.random)
    const outputs = this.#outputs
    this.#context = context
    this.#scheduler = new Scheduler({
      context,
      documents,
      clientIds,
      outputs,
      requests: this.#requests,
      settled: (effects) => this.#settled(effects),
      rowsSettled: (rows) => this.#queries.committed(rows),
    })
    this.#setting = {
      context,
      documents,
      clientIds,
      outputs,
      self,
      submit: (job) => this.#scheduler.submit(job),
      nextSeq: () => (this.#seq += 1),
      nextOrdinal: () => this.#scheduler.nextOrdinal(),
    }
    this.#live = new LiveDocuments(this.#setting)
    this.#queries = new RowQueries(outputs, this.#requests, context.recorder, problemOfFault)
  }

  /** Begins: reads what the store says of itself. Writes wait until that is answered. */
  start(_nowMs: number): void {
    this.#scheduler.start()
  }

  /** Answered by `command-answered`, once; writes when they are durable. */
  handleCommand(command: CommandId, body: ReplicaCommand, nowMs: number): void {
    if (this.#stopping) {
      this.#outputs.refuse(command, { code: 'mesh-closed', message: 'the mesh is closed' })
      return
    }
    this.#dispatch(command, body, nowMs)
    this.#scheduler.pump(nowMs)
  }

  rootDigest(): Uint8Array {
    return this.#scheduler.rootDigest
  }

  listHeads(request: ReplicaRequestId, after: DocumentKey | undefined, limit: number): void {
    this.#reader.listHeads(request, after, limit)
  }

  readHeads(request: ReplicaRequestId, documents: readonly DocumentKey[]): void {
    this.#reader.readHeads(request, documents)
  }

  readChanges(request: ReplicaRequestId, wanted: readonly ChangesWanted[], bytesMax: number): void {
    this.#reader.readChanges(request, wanted, bytesMax)
  }

  apply(
    request: ReplicaRequestId,
    from: PeerId,
    deliveries: readonly Delivery[],
    nowMs: number,
  ): void {
    const outcomes: DeliveryOutcome[] = []
    let left = deliveries.length
    const finish = (index: number, outcome: DeliveryOutcome) => {
      outcomes[index] = outcome
      left -= 1
      if (left > 0) return
      this.#outputs.push({ type: 'notice', notice: { type: 'applied', request, outcomes } })
    }
    if (left === 0) {
      this.#outputs.push({ type: 'notice', notice: { type: 'applied', request, outcomes } })
    }
    for (const [index, delivery] of deliveries.entries()) {
      this.#submitDelivery(from, delivery, (outcome) => finish(index, outcome))
    }
    this.#scheduler.pump(nowMs)
  }

  /** The answer to a `storage-read` or `storage-write`. */
  storageAnswered(request: StorageRequestId, answer: StorageAnswer, nowMs: number): void {
    this.#requests.answered(request, answer, nowMs)
    this.#scheduler.pump(nowMs)
  }

  nextDeadlineMs(): number {
    return Math.min(this.#scheduler.nextDeadlineMs, this.#live.nextDeadlineMs)
  }

  handleDeadline(nowMs: number): void {
    this.#live.handleDeadline(nowMs)
    this.#scheduler.handleDeadline(nowMs)
    this.#scheduler.pump(nowMs)
  }

  /** Takes no more commands or deliveries and writes what is waiting; then `idle` is true. */
  stop(nowMs: number): void {
    this.#stopping = true
    this.#live.flush()
    this.#scheduler.pump(nowMs)
  }

  /** Nothing is waiting, running or unanswered. */
  idle(): boolean {
    return this.#scheduler.idle && this.#live.idle && this.#requests.pending === 0
  }

  poll(): ReplicaOutput | undefined {
    return this.#outputs.take()
  }

  #dispatch(command: CommandId, body: ReplicaCommand, nowMs: number): void {
    switch (body.type) {
      case 'write': {
        const documents = documentsOf(body.operations)
        if ('code' in documents) return this.#outputs.refuse(command, documents)
        const job = new WriteJob(this.#setting, command, body.operations, documents)
        return this.#scheduler.submit(job)
      }
      case 'get':
        return this.#get(command, { collection: body.collection, id: body.id })
      case 'find':
        return this.#queries.find(command, body.query)
      case 'observe':
        return this.#queries.observe(command, body.query, body.subscriber)
      case 'unobserve':
        this.#queries.unobserve(body.subscriber)
        return this.#outputs.answer(command, undefined)
      case 'open-document':
        return this.#live.open(command, body.subscriber, body.document)
      case 'update-document':
        return this.#live.update(command, body.subscriber, body.update, nowMs)
      case 'acknowledge-document':
        return this.#live.acknowledge(command, body.subscriber, body.bytes)
      case 'close-document':
        return this.#live.close(command, body.subscriber)
      default:
        return unreachable(body)
    }
  }

  #get(command: CommandId, document: DocumentKey): void {
    if (!isCollectionName(document.collection) || !isDocumentId(document.id)) {
      return this.#outputs.answer(command, undefined)
    }
    const key = documentStorageKey(document)
    const reads = [
      { type: 'get', space: 'heads', key },
      { type: 'get', space: 'rows', key },
    ] as const
    this.#requests.read(reads, (results, fault) => {
      if (fault !== undefined) return this.#outputs.refuse(command, problemOfFault(fault))
      const stored = results?.[0]?.[0]?.value
      const text = results?.[1]?.[0]?.value
      const head = stored === undefined ? undefined : decodeStoredHead(stored)
      if (head === undefined || typeof text !== 'string') {
        return this.#outputs.answer(command, undefined)
      }
      this.#outputs.answer(command, { row: JSON.parse(text) as Row, revision: revisionOf(head) })
    })
  }

  #submitDelivery(
    from: PeerId,
    delivery: Delivery,
    finished: (outcome: DeliveryOutcome) => void,
  ): void {
    const documents = deliveredDocuments(delivery)
    if (this.#stopping || documents === undefined) {
      if (documents === undefined) this.#recordMalformedKey(from)
      return finished(documents === undefined ? 'refused' : 'failed')
    }
    this.#scheduler.submit(new DeliveryJob(this.#setting, from, delivery, documents, finished))
  }

  #recordMalformedKey(from: PeerId): void {
    this.#context.recorder.documents.deliveriesRefused.add()
    this.#context.recorder.documents.deliveryRefused.record(from, '', '', 'key-malformed')
  }

  #settled(effects: Effects): void {
    if (effects.change !== undefined) {
      this.#context.recorder.documents.changesCommitted.add()
      const { change } = effects
      this.#outputs.push({ type: 'notice', notice: { type: 'committed', change } })
    }
    this.#live.committed(effects)
  }
}
