/** Orders of rows: by the paths of a query, ties and unsorted queries by `_id` (rule DO13). */

import type { Problem } from '../engine/problem.ts'
import { isArray } from './json-value.ts'
import type { JsonValue, Query, Row } from './query.ts'
import { parseQueryPath, queryInvalid, selectValues, type QueryPath } from './query-path.ts'
import { compareTexts, compareValues } from './value-order.ts'

/** Negative, zero or positive; zero only for rows of one id. */
export type RowOrder = (left: Row, right: Row) => number

/** Most paths of one order. */
export const sortPathsMax = 16

interface SortStep {
  readonly path: QueryPath
  readonly direction: 1 | -1
}

/** The order that a query asks for, or the problem that it asks for none. */
export function compileSort(sort: Query['sort']): RowOrder | Problem {
  const steps: SortStep[] = []
  if (sort !== undefined && (!Array.isArray(sort) || sort.length > sortPathsMax)) {
    return queryInvalid(`a sort is a list of at most ${sortPathsMax} paths`)
  }
  for (const entry of (sort ?? []) as readonly unknown[]) {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') {
      return queryInvalid('a sort is a list of pairs of path and direction')
    }
    const [path, direction] = entry as [string, unknown]
    if (direction !== 1 && direction !== -1) return queryInvalid('a direction is 1 or -1')
    const parsed = parseQueryPath(path)
    if ('code' in parsed) return parsed
    steps.push({ path: parsed, direction })
  }
  return (left, right) => {
    for (const { path, direction } of steps) {
      const order = compareValues(
        sortValue(left, path, direction),
        sortValue(right, path, direction),
      )
      if (order !== 0) return direction * order
    }
    return compareTexts(left._id, right._id)
  }
}

/** Of several values the one that comes first in that direction; arrays count by their elements. */
function sortValue(row: Row, path: QueryPath, direction: 1 | -1): JsonValue | undefined {
  let first: JsonValue | undefined
  for (const value of selectValues(row, path)) {
    for (const candidate of isArray(value) ? value : [value]) {
      if (first === undefined || direction * compareValues(candidate, first) < 0) first = candidate
    }
  }
  return first
}
