/** Collections and cursors over the engine. */

import type { Filter, JsonObject, Query, Row } from '../documents/query.ts'
import type { WriteOperation } from '../engine/command.ts'
import { abortable } from './abortable.ts'
import type {
  Collection,
  CollectionRow,
  Cursor,
  Draft,
  LiveQuery,
  LiveResult,
  ObserveOptions,
  PartialRow,
  RowFilter,
  RowSort,
  UpdateResult,
  WriteResult,
} from './collection.ts'
import { recordEdits } from './draft.ts'
import type { CommandCaller } from './engine-access.ts'
import { copyJson } from './json-copy.ts'
import { MeshError } from './mesh-error.ts'

/**
 * How often an update's function is run on a newer row before the update gives up: 16. Each further
 * run means that somebody else changed the same array in the milliseconds between.
 */
const updateAttemptsMax = 16

/** What collections and cursors need of their mesh. */
export interface RowSource extends CommandCaller {
  observe(
    query: Query,
    observer: (result: LiveResult<Row>) => void,
    options: ObserveOptions,
  ): LiveQuery<Row>
}

/** See `Collection`. */
export class EngineCollection<R extends CollectionRow> implements Collection<R> {
  readonly name: string
  readonly #source: RowSource

  constructor(source: RowSource, name: string) {
    this.#source = source
    this.name = name
  }

  async insert(row: R): Promise<WriteResult> {
    return this.#write({ type: 'insert', collection: this.name, row: this.#copyRow(row) })
  }

  async upsert(row: PartialRow<R>): Promise<WriteResult> {
    return this.#write({ type: 'upsert', collection: this.name, row: this.#copyRow(row) })
  }

  async update(id: string, change: (draft: Draft<R>) => void): Promise<UpdateResult> {
    const name = `${this.name} '${id}'`
    for (let attempt = 1; ; attempt += 1) {
      const found = await this.#source.call({ type: 'get', collection: this.name, id })
      if (!found) throw new MeshError('document-missing', `there is no document ${name}`)
      const edits = recordEdits(found.row, change, name)
      if (edits.length === 0) return { id: undefined }
      const { revision } = found
      try {
        return await this.#write({ type: 'update', collection: this.name, id, revision, edits })
      } catch (error) {
        const isOvertaken = error instanceof MeshError && error.code === 'document-changed'
        if (!isOvertaken || attempt >= updateAttemptsMax) throw error
      }
    }
  }

  async delete(id: string): Promise<WriteResult> {
    return this.#write({ type: 'delete', collection: this.name, id })
  }

  async get(id: string): Promise<R | undefined> {
    const found = await this.#source.call({ type: 'get', collection: this.name, id })
    return found?.row as R | undefined
  }

  find(filter: RowFilter<R> = {}): Cursor<R> {
    const copied = copyJson(filter, `the filter of ${this.name}`) as Filter
    return new EngineCursor<R>(this.#source, { collection: this.name, filter: copied })
  }

  async #write(operation: WriteOperation): Promise<WriteResult> {
    const { write } = await this.#source.call({ type: 'write', operations: [operation] })
    return { id: write }
  }

  #copyRow(row: object): Row {
    const copied = copyJson(row, `a row of ${this.name}`) as JsonObject
    if (typeof copied['_id'] !== 'string') {
      throw new MeshError('value-invalid', `a row of ${this.name} has no _id that is a string`)
    }
    return copied as Row
  }
}

class EngineCursor<R> implements Cursor<R> {
  readonly #source: RowSource
  readonly #query: Query

  constructor(source: RowSource, query: Query) {
    this.#source = source
    this.#query = query
  }

  sort(sort: RowSort<R>): Cursor<R> {
    const paths = Object.entries(sort as Record<string, 1 | -1>)
    return new EngineCursor<R>(this.#source, { ...this.#query, sort: paths })
  }

  limit(rowCountMax: number): Cursor<R> {
    return new EngineCursor<R>(this.#source, { ...this.#query, limit: rowCountMax })
  }

  skip(rowCount: number): Cursor<R> {
    return new EngineCursor<R>(this.#source, { ...this.#query, skip: rowCount })
  }

  async toArray({ signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly R[]> {
    signal?.throwIfAborted()
    const found = this.#source.call({ type: 'find', query: this.#query })
    return (await abortable(found, signal)) as readonly unknown[] as readonly R[]
  }

  observe(observer: (result: LiveResult<R>) => void, options: ObserveOptions = {}): LiveQuery<R> {
    // The engine's rows are the application's by its own word; nothing here could check it.
    const live = this.#source.observe(
      this.#query,
      observer as unknown as (result: LiveResult<Row>) => void,
      options,
    )
    return live as LiveQuery<unknown> as LiveQuery<R>
  }
}
