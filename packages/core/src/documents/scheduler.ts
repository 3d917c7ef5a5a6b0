/**
 * Running jobs and making their effects durable (rules DO24 to DO27 of docs/specs/documents.md).
 *
 * Jobs run at once on states in memory, which so run ahead of storage; effects are gathered into one
 * atomic batch while the batch before is being written. Batches become durable in order, one at a
 * time. When one fails, everything that ran ahead is taken back: the states are dropped, the store's
 * root is read again, and what had not been in the batch runs again.
 */

import { unreachable } from '../engine/assert.ts'
import { equalBytes } from '../engine/bytes/compare.ts'
import type { EngineContext } from '../engine/context.ts'
import type { Problem } from '../engine/problem.ts'
import { addDigests, emptyDigest } from '../engine/sync/digest.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import { documentKeyText } from '../engine/sync/document-key.ts'
import type { StorageReadResult, StorageWrite } from '../storage/storage.ts'
import type { ClientIds } from './client-ids.ts'
import { DocumentCache } from './document-cache.ts'
import { documentReads, DocumentState, readsPerDocument } from './document-state.ts'
import type { DocumentsPort } from './documents-port.ts'
import type { Effects, Job, Lane, RowCommit } from './job.ts'
import { JobLane } from './job-lane.ts'
import type { ReplicaOutputs } from './replica-outputs.ts'
import { decodeRoot, encodeRoot, rootKey } from './storage-layout.ts'
import { isFinal, problemOfFault } from './storage-problem.ts'
import type { StorageFault, StorageRequests } from './storage-requests.ts'

/** Jobs of one lane that may wait; more fail at once with `limit-reached`. */
export const jobsMax = 20_000

/** Jobs that run for one input; the rest goes on at a deadline of now. */
export const jobsPerSlice = 64

/** Bytes to write after which a slice ends. */
export const sliceBytesMax = 512 * 1024

/** Bytes gathered for one batch, after which jobs wait until it is handed to storage. */
export const batchBytesMax = 8 * 1024 * 1024

/** Pause before the store's root is read again after that failed. */
export const retryMs = 1000

/** Where the scheduler is in its life. */
export type SchedulerState =
  | 'created'
  /** The root is being read; jobs wait. */
  | 'loading'
  | 'ready'
  /** Reading the root failed; jobs that were waiting failed too, new ones wait for the next try. */
  | 'retrying'
  /** The store is of no more use: every job fails. */
  | 'dead'

/** What the scheduler works with. */
export interface SchedulerSetting {
  readonly context: EngineContext
  readonly documents: DocumentsPort
  readonly clientIds: ClientIds
  readonly outputs: ReplicaOutputs
  readonly requests: StorageRequests
  /** The effects are durable: everybody may see them, but for their rows. */
  settled(effects: Effects): void
  /** Rows that became durable together, after all else of their batch. */
  rowsSettled(rows: readonly RowCommit[]): void
}

interface Run {
  readonly job: Job
  readonly effects: Effects
  readonly bytes: number
}

/** See the file header. */
export class Scheduler {
  readonly #setting: SchedulerSetting
  readonly #cache = new DocumentCache()
  readonly #lanes: Readonly<Record<Lane, JobLane>> = { local: new JobLane(), remote: new JobLane() }
  readonly #loading = new Set<string>()
  /** Documents that could not be loaded, until a job has failed for it. */
  readonly #unloadable = new Map<string, Problem>()
  /** What ran and is not handed to storage yet. */
  #gathered: Run[] = []
  #gatheredBytes = 0
  /** What storage is making durable. */
  #writing: readonly Run[] = []
  /** What storage reported as failed, until the root tells whether it was kept all the same. */
  #doubtful: { readonly runs: readonly Run[]; readonly digest: Uint8Array } | undefined
  #state: SchedulerState = 'created'
  #root = emptyDigest()
  #nextOrdinal = 1
  #clientId: number
  #retryAtMs = Number.POSITIVE_INFINITY
  #continueAtMs = Number.POSITIVE_INFINITY
  #fatal: Problem | undefined
  #failing = false

  constructor(setting: SchedulerSetting) {
    this.#setting = setting
    this.#clientId = setting.clientIds.next()
  }

  /** Sum of the digests of all durable heads. */
  get rootDigest(): Uint8Array {
    return this.#root
  }

  /** Nothing waits, runs ahead or is being written. */
  get idle(): boolean {
    const { local, remote } = this.#lanes
    return local.size + remote.size + this.#gathered.length + this.#writing.length === 0
  }

  get nextDeadlineMs(): number {
    return Math.min(this.#retryAtMs, this.#continueAtMs)
  }

  start(): void {
    this.#loadRoot('started')
  }

  /** The next place in the order of arrival. Places are not used twice, whatever fails. */
  nextOrdinal(): number {
    this.#nextOrdinal += 1
    return this.#nextOrdinal - 1
  }

  /** Takes a job; it settles or fails, once. */
  submit(job: Job): void {
    if (this.#fatal !== undefined) return job.fail(this.#fatal)
    const lane = this.#lanes[job.lane]
    if (lane.size >= jobsMax) {
      const message = `${jobsMax} operations wait already`
      return job.fail({ code: 'limit-reached', message })
    }
    lane.add(job)
  }

  handleDeadline(nowMs: number): void {
    if (nowMs >= this.#retryAtMs) this.#loadRoot('retry')
    if (nowMs >= this.#continueAtMs) this.#continueAtMs = Number.POSITIVE_INFINITY
  }

  /** Runs what can run, loads what is needed next, hands over a batch. Called after each input. */
  pump(nowMs: number): void {
    if (this.#state !== 'ready') return
    this.#runSlice(nowMs)
    this.#loadAhead()
    this.#commit(nowMs)
    this.#cache.trim(() => this.#namesAhead())
    const { documentsCached, jobsQueued } = this.#setting.context.recorder.documents
    documentsCached.set(this.#cache.size)
    jobsQueued.set(this.#lanes.local.size + this.#lanes.remote.size)
  }

  #runSlice(nowMs: number): void {
    let jobs = 0
    const bytesBefore = this.#gatheredBytes
    for (let lane = this.#runnable(); lane !== undefined; lane = this.#runnable()) {
      if (jobs >= jobsPerSlice || this.#gatheredBytes - bytesBefore > sliceBytesMax) {
        this.#continueAtMs = nowMs
        return
      }
      const job = lane.first!
      lane.shift()
      jobs += 1
      const problem = this.#unloadableProblem(job)
      if (problem === undefined) this.#run(job, nowMs)
      else job.fail(problem)
    }
  }

  /** The lane whose first job can run now; local before remote. */
  #runnable(): JobLane | undefined {
    const { local, remote } = this.#lanes
    if (this.#gatheredBytes > batchBytesMax) return undefined
    // A job that is alone was gathered first, or not at all.
    if (this.#gathered[0]?.job.alone === true) return undefined
    return [local, remote].find(({ first }) => {
      if (first === undefined) return false
      if (first.alone === true && this.#gathered.length > 0) return false
      if (first.documents.some((document) => this.#unloadable.has(documentKeyText(document)))) {
        return true
      }
      return first.documents.every((document) => this.#cache.get(document) !== undefined)
    })
  }

  #run(job: Job, nowMs: number): void {
    const states = job.documents.map((document) => this.#cache.get(document)!)
    const effects = job.run(states, nowMs)
    const bytes = effects.writes.reduce((sum, write) => sum + writeBytes(write), 0)
    this.#gathered.push({ job, effects, bytes })
    this.#gatheredBytes += bytes
  }

  #unloadableProblem(job: Job): Problem | undefined {
    for (const document of job.documents) {
      const name = documentKeyText(document)
      const problem = this.#unloadable.get(name)
      this.#unloadable.delete(name)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #loadAhead(): void {
    const documents = new Map<string, DocumentKey>()
    for (const lane of Object.values(this.#lanes)) {
      for (const { documents: needed } of lane.ahead()) {
        for (const document of needed) {
          const name = documentKeyText(document)
          if (this.#loading.has(name) || !this.#cache.isLoadable(document)) continue
          if (!this.#unloadable.has(name)) documents.set(name, document)
        }
      }
    }
    if (documents.size === 0) return
    for (const name of documents.keys()) this.#loading.add(name)
    const loaded = [...documents.values()]
    this.#setting.requests.read(loaded.flatMap(documentReads), (results, fault, nowMs) => {
      this.#loaded(loaded, results, fault)
      this.pump(nowMs)
    })
  }

  #loaded(
    documents: readonly DocumentKey[],
    results: readonly StorageReadResult[] | undefined,
    fault: StorageFault | undefined,
  ): void {
    if (fault !== undefined) this.#readFailed(fault)
    if (fault !== undefined && isFinal(fault)) this.#die(problemOfFault(fault))
    this.#setting.context.recorder.documents.documentLoads.add(documents.length)
    for (const [index, document] of documents.entries()) {
      const name = documentKeyText(document)
      this.#loading.delete(name)
      if (fault !== undefined) {
        this.#unloadable.set(name, problemOfFault(fault))
        continue
      }
      const from = index * readsPerDocument
      const state = new DocumentState(document, this.#setting.documents, this.#clientId)
      if (state.load(results?.slice(from, from + readsPerDocument) ?? [])) this.#cache.add(state)
      else this.#unloadable.set(name, damaged(document))
    }
  }

  #commit(nowMs: number): void {
    if (this.#writing.length > 0 || this.#gathered.length === 0) return
    const runs = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    const writes = runs.flatMap(({ effects }) => effects.writes)
    if (writes.length === 0) {
      this.#settle(runs, nowMs)
      // No answer of storage will come to go on at.
      if (this.#lanes.local.size + this.#lanes.remote.size > 0) this.#continueAtMs = nowMs
      return
    }
    const digest = runs.reduce((sum, { effects }) => addDigests(sum, effects.digest), this.#root)
    const root = encodeRoot({ digest, nextOrdinal: this.#nextOrdinal })
    writes.push({ type: 'put', space: 'meta', key: rootKey, value: root })
    this.#writing = runs
    this.#setting.requests.write(writes, (fault, writtenAtMs) => {
      this.#writing = []
      if (fault === undefined) {
        const { documents } = this.#setting.context.recorder
        documents.commits.add()
        documents.commitWrites.observe(writes.length)
        documents.commitMs.observe(Math.max(0, writtenAtMs - nowMs))
        this.#root = digest
        this.#failing = false
        this.#settle(runs, writtenAtMs)
      } else {
        this.#doubtful = { runs, digest }
        this.#writeFailed(runs, fault)
      }
      this.pump(writtenAtMs)
    })
  }

  #settle(runs: readonly Run[], nowMs: number): void {
    for (const { job, effects } of runs) {
      for (const state of effects.states) state.unsettled -= 1
      job.settle(nowMs)
      this.#setting.settled(effects)
    }
    this.#setting.rowsSettled(runs.flatMap(({ effects }) => effects.rows))
  }

  /**
   * Takes back all that ran ahead. A batch of several jobs may have failed for one of them, so local
   * jobs get another try, each alone; changes of others fail, sync brings them again.
   */
  #writeFailed(runs: readonly Run[], fault: StorageFault): void {
    this.#setting.context.recorder.documents.commitFailures.add()
    this.#tellFailure('write', fault)
    const unwritten = this.#gathered.map(({ job }) => job)
    for (const { effects } of [...runs, ...this.#gathered]) {
      for (const state of effects.states) this.#cache.drop(state.document)
    }
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#clientId = this.#setting.clientIds.next()
    const problem = problemOfFault(fault)
    const again: Job[] = []
    for (const { job } of runs) {
      const retried = job.lane === 'local' && runs.length > 1 && !isFinal(fault)
      if (retried) again.push(job)
      else job.fail(problem)
      if (retried) job.alone = true
    }
    this.#lanes.local.putBack([...again, ...unwritten.filter(({ lane }) => lane === 'local')])
    this.#lanes.remote.putBack(unwritten.filter(({ lane }) => lane === 'remote'))
    if (isFinal(fault)) this.#die(problem)
    else this.#loadRoot('write failed')
  }

  #loadRoot(reason: string): void {
    this.#enter('loading', reason)
    this.#retryAtMs = Number.POSITIVE_INFINITY
    const read = { type: 'get', space: 'meta', key: rootKey } as const
    this.#setting.requests.read([read], (results, fault, nowMs) => {
      if (this.#state !== 'loading') return
      const value = results?.[0]?.[0]?.value
      const root = value === undefined ? undefined : decodeRoot(value)
      if (fault !== undefined) return this.#rootFailed(fault, nowMs)
      if (value !== undefined && root === undefined) {
        return this.#die({ code: 'store-corrupt', message: 'the root of the store is damaged' })
      }
      this.#root = root?.digest ?? emptyDigest()
      this.#nextOrdinal = Math.max(this.#nextOrdinal, root?.nextOrdinal ?? 1)
      this.#enter('ready', 'root read')
      this.#settleDoubtful()
    })
  }

  /** A batch that is in the store after all: those who were told that it failed still have to see it. */
  #settleDoubtful(): void {
    const doubtful = this.#doubtful
    this.#doubtful = undefined
    if (doubtful === undefined || !equalBytes(doubtful.digest, this.#root)) return
    for (const { effects } of doubtful.runs) this.#setting.settled(effects)
    this.#setting.rowsSettled(doubtful.runs.flatMap(({ effects }) => effects.rows))
  }

  #rootFailed(fault: StorageFault, nowMs: number): void {
    this.#readFailed(fault)
    const problem = problemOfFault(fault)
    if (isFinal(fault)) return this.#die(problem)
    this.#enter('retrying', fault.reason)
    this.#retryAtMs = nowMs + retryMs
    this.#failWaiting(problem)
  }

  #readFailed(fault: StorageFault): void {
    this.#setting.context.recorder.documents.readFailures.add()
    this.#tellFailure('read', fault)
  }

  #die(problem: Problem): void {
    if (this.#state === 'dead') return
    this.#enter('dead', problem.code)
    this.#fatal = problem
    for (const { job } of this.#gathered) job.fail(problem)
    this.#gathered = []
    this.#failWaiting(problem)
    this.#setting.outputs.push({ type: 'problem', problem })
  }

  #failWaiting(problem: Problem): void {
    this.#unloadable.clear()
    for (const lane of Object.values(this.#lanes)) {
      for (const job of lane.clear()) job.fail(problem)
    }
  }

  /** Tells people once for each time that storage begins to fail. */
  #tellFailure(operation: 'read' | 'write', fault: StorageFault): void {
    const { reason, message } = fault
    this.#setting.context.recorder.documents.storageFailed.record(operation, reason, message)
    if (this.#failing || isFinal(fault)) return
    this.#failing = true
    this.#setting.outputs.push({ type: 'problem', problem: problemOfFault(fault) })
  }

  #enter(state: SchedulerState, reason: string): void {
    const { documents } = this.#setting.context.recorder
    documents.replicaStateChanged.record(this.#state, state, reason)
    this.#state = state
  }

  #namesAhead(): ReadonlySet<string> {
    const names = new Set<string>()
    for (const lane of Object.values(this.#lanes)) {
      for (const { documents } of lane.ahead()) {
        for (const document of documents) names.add(documentKeyText(document))
      }
    }
    return names
  }
}

function writeBytes(write: StorageWrite): number {
  switch (write.type) {
    case 'put':
      return write.value.length + 64
    case 'delete':
    case 'delete-prefix':
      return 64
    default:
      return unreachable(write)
  }
}

function damaged({ collection, id }: DocumentKey): Problem {
  return {
    code: 'store-corrupt',
    message: `document "${id}" of collection "${collection}" is damaged in storage`,
  }
}
