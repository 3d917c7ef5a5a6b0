/** Collections, cursors and live queries: the documents of a mesh as rows of JSON. */

import type { RowChange, WriteId } from '../engine/command.ts'
import type { JsonValue } from '../documents/query.ts'
import type { MeshError } from './mesh-error.ts'
import type { Observation } from './observation.ts'

/** What every row has: a string that names it in its collection. All else is JSON. */
export interface CollectionRow {
  readonly _id: string
}

/** A write that is durable on this peer. */
export interface WriteResult {
  /** Names the write for `mesh.syncStatus`. */
  readonly id: WriteId
}

/** An update that is durable on this peer. */
export interface UpdateResult {
  /** Names the write; undefined when the draft function changed nothing. */
  readonly id: WriteId | undefined
}

/** The given fields of a row, nested objects in part as well. */
export type PartialRow<R extends CollectionRow> = { readonly _id: string } & {
  readonly [K in keyof R]?: PartialValue<R[K]>
}

type PartialValue<V> = V extends readonly unknown[]
  ? V
  : V extends object
    ? { readonly [K in keyof V]?: PartialValue<V[K]> }
    : V

/** A row inside an update's draft function: all of it may be changed but its `_id`. */
export type Draft<V> = V extends readonly (infer Element)[]
  ? Draft<Element>[]
  : V extends object
    ? { -readonly [K in Exclude<keyof V, '_id'>]: Draft<V[K]> } & {
        readonly [K in keyof V & '_id']: V[K]
      }
    : V

/** What a filter may ask of one field. */
export interface FieldOperators<V> {
  readonly $eq?: V
  readonly $ne?: V
  readonly $gt?: V
  readonly $gte?: V
  readonly $lt?: V
  readonly $lte?: V
  readonly $in?: readonly V[]
  readonly $nin?: readonly V[]
  readonly $exists?: boolean
  readonly $size?: number
  readonly $all?: readonly JsonValue[]
  readonly $elemMatch?: { readonly [pathOrOperator: string]: JsonValue }
  readonly $not?: FieldOperators<V>
}

/** The value to equal, an element of an array to contain, or operators. */
export type FieldFilter<V> =
  V | (V extends readonly (infer Element)[] ? Element : never) | FieldOperators<V>

/** MongoDB's filter language, an allow-list of it, typed by the row. */
export type RowFilter<R> = {
  readonly [K in keyof R]?: FieldFilter<R[K]>
} & {
  /** Paths into nested objects: `'address.city'`. */
  readonly [path: `${string}.${string}`]: JsonValue | FieldOperators<JsonValue>
} & {
  readonly $and?: readonly RowFilter<R>[]
  readonly $or?: readonly RowFilter<R>[]
  readonly $nor?: readonly RowFilter<R>[]
}

/** Field paths with 1 for ascending, -1 for descending; the first path counts most. */
export type RowSort<R> = { readonly [K in (keyof R & string) | `${string}.${string}`]?: 1 | -1 }

/** How a live result changed. Applied in order to the rows before, they give the rows after. */
export type LiveChange<R> =
  | { readonly type: 'added'; readonly index: number; readonly row: R }
  | { readonly type: 'changed'; readonly from: number; readonly index: number; readonly row: R }
  | Extract<RowChange, { readonly type: 'removed' }>

/** What a live query hands to its observer. */
export interface LiveResult<R> {
  /** The whole result, a new array each time; rows that did not change are the same objects. */
  readonly rows: readonly R[]
  /** What became of the result before; the first result adds each of its rows to none. */
  readonly changes: readonly LiveChange<R>[]
}

/** A query that is being observed. */
export interface LiveQuery<R> extends Observation {
  /** The result of now; empty until the first one has come. */
  readonly rows: readonly R[]
}

export interface ObserveOptions {
  /** Called once, in place of any more results, when the query cannot be observed (any longer). */
  readonly failed?: (error: MeshError) => void
}

/** A query in the making; each method returns a new cursor. Nothing runs before `get`, `toArray` or `observe`. */
export interface Cursor<R> {
  sort(sort: RowSort<R>): Cursor<R>
  /** At most this many rows. */
  limit(rowCountMax: number): Cursor<R>
  /** All but this many first rows. */
  skip(rowCount: number): Cursor<R>
  /** The rows of now. */
  toArray(options?: { readonly signal?: AbortSignal }): Promise<readonly R[]>
  /** Calls with the rows of now, then with every change, until stopped. */
  observe(observer: (result: LiveResult<R>) => void, options?: ObserveOptions): LiveQuery<R>
}

/** Documents of one kind. A write is answered when it is durable on this peer, not elsewhere. */
export interface Collection<R extends CollectionRow> {
  readonly name: string
  /** Rejects with `document-exists` when there is one with that `_id`. */
  insert(row: R): Promise<WriteResult>
  /** Inserts, or sets the given fields of what exists; nested objects are merged. */
  upsert(row: PartialRow<R>): Promise<WriteResult>
  /**
   * Runs the function on a draft of the row and writes what it did to it, as operations: pushes to
   * one array on two peers both survive. It may be run again when the row changes meanwhile, so it
   * must do nothing else, and it must not be asynchronous. Rejects with `document-missing`.
   */
  update(id: string, change: (draft: Draft<R>) => void): Promise<UpdateResult>
  /** Rejects with `document-missing` when there is nothing to delete. */
  delete(id: string): Promise<WriteResult>
  get(id: string): Promise<R | undefined>
  /** All rows without a filter. */
  find(filter?: RowFilter<R>): Cursor<R>
}
