/**
 * Queries: MongoDB's filter language, an allow-list of it. Plain data: the same object finds,
 * observes and subscribes, and crosses threads and the wire.
 */

/** What documents are made of. Numbers are finite. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

export type JsonObject = { readonly [key: string]: JsonValue }

/**
 * A filter: field paths (`'address.city'`) with a value to equal or an object of operators
 * (`$eq $ne $gt $gte $lt $lte $in $nin $exists $size $all $elemMatch $not`), and `$and $or $nor`.
 */
export type Filter = { readonly [pathOrOperator: string]: JsonValue }

export interface Query {
  readonly collection: string
  readonly filter: Filter
  /** Paths with 1 for ascending, -1 for descending; ties and unsorted queries go by `_id`. */
  readonly sort?: readonly (readonly [path: string, direction: 1 | -1])[]
  readonly skip?: number
  readonly limit?: number
}

/** A document of a collection as the application sees it. */
export type Row = { readonly _id: string } & JsonObject
