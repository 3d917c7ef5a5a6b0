/**
 * Answering `find` and keeping `observe` up to date (rule DO14 of docs/specs/documents.md).
 *
 * Rows are read page by page while commits go on. A row that is committed during the scan is taken
 * from the commit, and its id is ignored in the pages: whichever of the two was read first, the
 * commit is the newer one.
 */

import type { RowChange, SubscriberId } from '../engine/command.ts'
import type { CommandId } from '../engine/input.ts'
import type { Problem } from '../engine/problem.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { StorageEntry, StorageKey, StorageRead } from '../storage/storage.ts'
import type { RowCommit } from './job.ts'
import { compileQuery, LiveQuery, type CompiledQuery } from './live-query.ts'
import type { Query, Row } from './query.ts'
import type { ReplicaOutputs } from './replica-outputs.ts'
import { keyedDocument } from './storage-layout.ts'
import type { StorageFault, StorageRequests } from './storage-requests.ts'

/** Rows of one page: as many as parse within a few milliseconds. */
export const rowsPerPage = 500

/** Queries that may be under way or live at a time; more are refused with `limit-reached`. */
export const queriesMax = 1000

/** Rows that one query may match; at more it ends with `limit-reached`. */
export const queryRowsMax = 100_000

interface RunningQuery {
  readonly query: CompiledQuery
  readonly live: LiveQuery
  /** Present while pages are read. */
  scan: Scan | undefined
  readonly subscriber: SubscriberId | undefined
}

interface Scan {
  readonly command: CommandId
  /** Ids committed since the scan began. */
  readonly touched: Set<string>
}

/** See the file header. */
export class RowQueries {
  readonly #outputs: ReplicaOutputs
  readonly #requests: StorageRequests
  readonly #recorder: Recorder
  readonly #problemOf: (fault: StorageFault) => Problem
  readonly #running = new Set<RunningQuery>()

  constructor(
    outputs: ReplicaOutputs,
    requests: StorageRequests,
    recorder: Recorder,
    problemOf: (fault: StorageFault) => Problem,
  ) {
    this.#outputs = outputs
    this.#requests = requests
    this.#recorder = recorder
    this.#problemOf = problemOf
  }

  find(command: CommandId, query: Query): void {
    this.#start(command, query, undefined)
  }

  observe(command: CommandId, query: Query, subscriber: SubscriberId): void {
    this.unobserve(subscriber)
    this.#start(command, query, subscriber)
  }

  unobserve(subscriber: SubscriberId): void {
    for (const running of this.#running) {
      if (running.subscriber !== subscriber) continue
      this.#end(running)
      if (running.scan !== undefined) this.#outputs.answer(running.scan.command, [])
    }
  }

  /** Rows that became durable together: at most one event for each query. */
  committed(rows: readonly RowCommit[]): void {
    if (rows.length === 0) return
    for (const running of this.#running) {
      const changes: RowChange[] = []
      for (const { collection, id, row } of rows) {
        if (collection !== running.query.collection) continue
        running.scan?.touched.add(id)
        changes.push(...running.live.update(id, row))
      }
      this.#tell(running, changes)
    }
  }

  #start(command: CommandId, query: Query, subscriber: SubscriberId | undefined): void {
    const compiled = compileQuery(query)
    if ('code' in compiled) return this.#outputs.refuse(command, compiled)
    if (this.#running.size >= queriesMax) {
      const message = `${queriesMax} queries are running or live already`
      return this.#outputs.refuse(command, { code: 'limit-reached', message })
    }
    const scan = { command, touched: new Set<string>() }
    const running = { query: compiled, live: new LiveQuery(compiled), scan, subscriber }
    this.#running.add(running)
    this.#recorder.documents.observers.set(this.#running.size)
    this.#readPage(running, scan, undefined)
  }

  #readPage(running: RunningQuery, scan: Scan, after: StorageKey | undefined): void {
    const read: StorageRead = {
      type: 'list',
      space: 'rows',
      prefix: [running.query.collection],
      limit: rowsPerPage,
      ...(after === undefined ? {} : { after }),
    }
    this.#requests.read([read], (results, fault) => {
      if (!this.#running.has(running)) return
      if (results === undefined) {
        this.#end(running)
        if (fault !== undefined) this.#outputs.refuse(scan.command, this.#problemOf(fault))
        return
      }
      this.#takePage(running, scan, results[0] ?? [])
    })
  }

  #takePage(running: RunningQuery, scan: Scan, entries: readonly StorageEntry[]): void {
    this.#recorder.documents.rowsScanned.add(entries.length)
    for (const { key, value } of entries) {
      const id = keyedDocument(key)?.id
      if (id === undefined || typeof value !== 'string' || scan.touched.has(id)) continue
      running.live.update(id, JSON.parse(value) as Row)
    }
    if (running.live.size > queryRowsMax) {
      this.#end(running)
      return this.#outputs.refuse(scan.command, tooManyRows())
    }
    const last = entries.at(-1)
    if (entries.length === rowsPerPage && last !== undefined) {
      return this.#readPage(running, scan, last.key)
    }
    running.scan = undefined
    if (running.subscriber === undefined) this.#end(running)
    this.#outputs.answer(scan.command, running.live.rows())
  }

  #tell(running: RunningQuery, changes: readonly RowChange[]): void {
    const { subscriber } = running
    if (running.scan !== undefined || subscriber === undefined) return
    if (changes.length > 0) {
      this.#outputs.push({ type: 'event', event: { type: 'rows-changed', subscriber, changes } })
    }
    if (running.live.size <= queryRowsMax) return
    this.#end(running)
    this.#outputs.push({ type: 'problem', problem: tooManyRows() })
  }

  #end(running: RunningQuery): void {
    this.#running.delete(running)
    this.#recorder.documents.observers.set(this.#running.size)
  }
}

function tooManyRows(): Problem {
  return { code: 'limit-reached', message: `a query matches more than ${queryRowsMax} rows` }
}
