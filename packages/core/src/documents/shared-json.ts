/**
 * Shared values as JSON: what elements of arrays are made of, and reading whatever another peer
 * put into a document. Reading never throws and never goes deeper than `depthMax`.
 */

import * as Y from 'yjs'
import { depthMax } from './document-limits.ts'
import { isArray, jsonObject } from './json-value.ts'
import type { JsonObject, JsonValue } from './query.ts'

/** The shared value that holds a JSON value inside an array: nested types for objects and arrays. */
export function toShared(value: JsonValue): unknown {
  if (value === null || typeof value !== 'object') return value
  if (isArray(value)) {
    const array = new Y.Array<unknown>()
    array.insert(0, value.map(toShared))
    return array
  }
  return new Y.Map(Object.entries(value).map(([key, item]) => [key, toShared(item)]))
}

/** The JSON of a shared value, or `undefined` when it has none (bytes, subdocuments, too deep). */
export function fromShared(value: unknown, depth: number): JsonValue | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'object' || depth > depthMax) return undefined
  if (value instanceof Y.Text) return value.toJSON()
  if (value instanceof Y.Array) return elementsOf(value.toArray(), depth)
  if (value instanceof Y.Map) return objectOf([...value.entries()], depth)
  if (Array.isArray(value)) return elementsOf(value, depth)
  if (value instanceof Uint8Array || value instanceof Y.AbstractType || value instanceof Y.Doc) {
    return undefined
  }
  return objectOf(Object.entries(value), depth)
}

/** One JSON element for each shared one, so that indexes mean the same in both. */
function elementsOf(elements: readonly unknown[], depth: number): JsonValue[] {
  return elements.map((element) => fromShared(element, depth + 1) ?? null)
}

function objectOf(entries: readonly (readonly [string, unknown])[], depth: number): JsonObject {
  const fields: [string, JsonValue][] = []
  for (const [key, item] of entries) {
    const json = fromShared(item, depth + 1)
    if (json !== undefined) fields.push([key, json])
  }
  return jsonObject(fields)
}
