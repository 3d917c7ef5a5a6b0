/**
 * The result of one query, kept in order while rows change.
 *
 * Holds every matching row, those outside the window of skip and limit too, so that a row which
 * leaves the window is replaced at once. Rule DO14 of docs/specs/documents.md.
 */

import type { RowChange } from '../engine/command.ts'
import type { Problem } from '../engine/problem.ts'
import { isCollectionName } from './document-limits.ts'
import { compileFilter, type RowPredicate } from './filter.ts'
import type { Query, Row } from './query.ts'
import { queryInvalid } from './query-path.ts'
import { compileSort, type RowOrder } from './sort.ts'

/** A query ready to run. */
export interface CompiledQuery {
  readonly collection: string
  readonly matches: RowPredicate
  readonly order: RowOrder
  readonly skip: number
  readonly limit: number
}

/** The query ready to run, or the problem that it cannot be. */
export function compileQuery(query: Query): CompiledQuery | Problem {
  if (!isCollectionName(query.collection)) {
    return queryInvalid(`"${query.collection.slice(0, 100)}" is no name of a collection`)
  }
  const matches = compileFilter(query.filter)
  if (typeof matches !== 'function') return matches
  const order = compileSort(query.sort)
  if (typeof order !== 'function') return order
  const skip = query.skip ?? 0
  const limit = query.limit ?? Number.MAX_SAFE_INTEGER
  if (!Number.isSafeInteger(skip) || skip < 0) return queryInvalid('skip is a whole number from 0')
  if (!Number.isSafeInteger(limit) || limit < 1) {
    return queryInvalid('limit is a whole number from 1')
  }
  return { collection: query.collection, matches, order, skip, limit }
}

/** Rows in order. Finding a place takes logarithmic time, moving the rows behind it linear. */
export class LiveQuery {
  readonly #query: CompiledQuery
  readonly #ordered: Row[] = []
  readonly #byId = new Map<string, Row>()

  constructor(query: CompiledQuery) {
    this.#query = query
  }

  /** Matching rows, in the window and outside. */
  get size(): number {
    return this.#ordered.length
  }

  /** The rows of the window. */
  rows(): readonly Row[] {
    return this.#ordered.slice(this.#query.skip, this.#windowEnd)
  }

  /** Takes in the row's present state, `undefined` when it is gone: how the window changes. */
  update(id: string, row: Row | undefined): RowChange[] {
    const matching = row !== undefined && this.#query.matches(row) ? row : undefined
    const former = this.#byId.get(id)
    if (former === undefined) return matching === undefined ? [] : this.#insert(matching)
    if (matching === undefined) return this.#remove(former)
    return this.#change(former, matching)
  }

  get #windowEnd(): number {
    return this.#query.skip + this.#query.limit
  }

  #change(former: Row, row: Row): RowChange[] {
    const from = this.#indexOf(former)
    this.#take(from)
    const to = this.#indexOf(row)
    const { skip } = this.#query
    const side = this.#sideOf(from)
    if (side === this.#sideOf(to)) {
      this.#put(to, row)
      return side === 'inside'
        ? [{ type: 'changed', from: from - skip, index: to - skip, row }]
        : []
    }
    this.#put(from, former)
    return [...this.#remove(former), ...this.#insert(row)]
  }

  #insert(row: Row): RowChange[] {
    const { skip } = this.#query
    const at = this.#indexOf(row)
    this.#put(at, row)
    if (at >= this.#windowEnd || this.#ordered.length <= skip) return []
    const changes: RowChange[] = []
    const pushedOut = this.#ordered[this.#windowEnd]
    if (pushedOut !== undefined) {
      changes.push({ type: 'removed', index: this.#query.limit - 1, id: pushedOut._id })
    }
    // Inserted before the window, a row pushes the one before its first into it.
    const index = Math.max(0, at - skip)
    changes.push({ type: 'added', index, row: this.#ordered[skip + index]! })
    return changes
  }

  #remove(row: Row): RowChange[] {
    const { skip } = this.#query
    const at = this.#indexOf(row)
    const leaving = this.#ordered[Math.max(at, skip)]
    this.#take(at)
    if (at >= this.#windowEnd || leaving === undefined) return []
    const changes: RowChange[] = [
      { type: 'removed', index: Math.max(0, at - skip), id: leaving._id },
    ]
    const entering = this.#ordered[this.#windowEnd - 1]
    if (entering !== undefined) {
      changes.push({ type: 'added', index: this.#query.limit - 1, row: entering })
    }
    return changes
  }

  #sideOf(index: number): 'before' | 'inside' | 'after' {
    if (index < this.#query.skip) return 'before'
    return index < this.#windowEnd ? 'inside' : 'after'
  }

  #put(index: number, row: Row): void {
    this.#ordered.splice(index, 0, row)
    this.#byId.set(row._id, row)
  }

  #take(index: number): void {
    const [row] = this.#ordered.splice(index, 1)
    if (row !== undefined) this.#byId.delete(row._id)
  }

  /** Where the row is, or belongs. */
  #indexOf(row: Row): number {
    let low = 0
    let high = this.#ordered.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#query.order(this.#ordered[middle]!, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
