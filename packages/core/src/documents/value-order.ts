/**
 * The order of JSON values, as in MongoDB: by type first, then within the type (rule DO13 of
 * docs/specs/documents.md). Total: every two values compare, equal ones as zero.
 */

import { isArray } from './json-value.ts'
import type { JsonObject, JsonValue } from './query.ts'

/** Types in their order. What is missing sorts like null. */
export function typeRank(value: JsonValue | undefined): number {
  if (value === undefined || value === null) return 0
  switch (typeof value) {
    case 'number':
      return 1
    case 'string':
      return 2
    case 'boolean':
      return 5
    default:
      return isArray(value) ? 4 : 3
  }
}

/** Negative, zero or positive. Texts go by UTF-16 code unit, objects by their sorted keys. */
export function compareValues(left: JsonValue | undefined, right: JsonValue | undefined): number {
  const rank = typeRank(left) - typeRank(right)
  if (rank !== 0) return rank
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  if (left === null || left === undefined || right === null || right === undefined) return 0
  if (typeof left !== 'object' || typeof right !== 'object') return 0
  if (isArray(left)) return isArray(right) ? compareArrays(left, right) : 0
  return isArray(right) ? 0 : compareObjects(left, right)
}

/** By UTF-16 code unit. */
export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function compareArrays(left: readonly JsonValue[], right: readonly JsonValue[]): number {
  const shorter = Math.min(left.length, right.length)
  for (let index = 0; index < shorter; index += 1) {
    const order = compareValues(left[index], right[index])
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareObjects(left: JsonObject, right: JsonObject): number {
  const leftKeys = Object.keys(left).toSorted(compareTexts)
  const rightKeys = Object.keys(right).toSorted(compareTexts)
  const shorter = Math.min(leftKeys.length, rightKeys.length)
  for (let index = 0; index < shorter; index += 1) {
    const leftKey = leftKeys[index]!
    const rightKey = rightKeys[index]!
    const order =
      typeRank(left[leftKey]) - typeRank(right[rightKey]) ||
      compareTexts(leftKey, rightKey) ||
      compareValues(left[leftKey], right[rightKey])
    if (order !== 0) return order
  }
  return leftKeys.length - rightKeys.length
}
