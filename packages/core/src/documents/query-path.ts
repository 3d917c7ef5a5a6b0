/** Dotted paths of queries: what they select in a row (rule DO11 of docs/specs/documents.md). */

import type { Problem } from '../engine/problem.ts'
import { depthMax } from './document-limits.ts'
import { isArray } from './json-value.ts'
import type { JsonValue } from './query.ts'

/** Longest path of a query, in UTF-16 code units. */
const pathLengthMax = 1024

/** Steps of a path. */
export type QueryPath = readonly string[]

/** The steps of a dotted path, or the problem that it is not one. */
export function parseQueryPath(path: string): QueryPath | Problem {
  const steps = path.split('.')
  if (path.length > pathLengthMax || steps.length > depthMax) {
    return queryInvalid(`a path of the query is longer than ${depthMax} steps`)
  }
  if (steps.includes('') || path.startsWith('$')) {
    return queryInvalid(`"${path.slice(0, 100)}" is no path of a field`)
  }
  return steps
}

/**
 * Every value that the path leads to: a step into an array means each object in it, and a number
 * also the element at that place. Empty when there is none.
 */
export function selectValues(value: JsonValue, path: QueryPath): JsonValue[] {
  let selected: JsonValue[] = [value]
  for (const step of path) {
    const next: JsonValue[] = []
    for (const parent of selected) enter(parent, step, next)
    selected = next
  }
  return selected
}

/** The problem of a query, with its one code. */
export function queryInvalid(message: string): Problem {
  return { code: 'query-invalid', message }
}

function enter(parent: JsonValue, step: string, selected: JsonValue[]): void {
  if (parent === null || typeof parent !== 'object') return
  if (!isArray(parent)) {
    if (Object.hasOwn(parent, step)) selected.push(parent[step]!)
    return
  }
  if (/^(0|[1-9]\d{0,14})$/.test(step)) {
    const element = parent[Number(step)]
    if (element !== undefined) selected.push(element)
  }
  for (const element of parent) {
    if (element !== null && typeof element === 'object' && !isArray(element)) {
      enter(element, step, selected)
    }
  }
}
