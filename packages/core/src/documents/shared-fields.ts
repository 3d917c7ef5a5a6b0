/**
 * The fields of a row in a Y.Doc (rules DO5 to DO8 of docs/specs/documents.md).
 *
 * Objects and arrays that are reached through keys alone live in root types named by their path, so
 * that two peers which make the same one apart from each other make one, not two rivals. A marker
 * in the parent's map says that there is one. What lies inside an array is nested in it.
 */

import type * as Y from 'yjs'
import { depthMax } from './document-limits.ts'
import { arrayName, childPath, keysOfPath, objectName, pathOfName } from './field-path.ts'
import { equalJson, isArray, jsonObject } from './json-value.ts'
import type { JsonObject, JsonValue } from './query.ts'
import { fromShared, toShared } from './shared-json.ts'

/** Markers are bytes, which no JSON value is: one byte that tells the kind. */
const objectMarker = 1
const arrayMarker = 2

/** Kind of container that a key leads to. */
export type RootedKind = 'object' | 'array'

/** Reads and changes fields. Changes belong inside a transaction of the document. */
export class SharedFields {
  readonly #doc: Y.Doc

  constructor(doc: Y.Doc) {
    this.#doc = doc
  }

  /** The map of the object at that path; made when it is not there. */
  objectAt(path: string): Y.Map<unknown> {
    return this.#doc.getMap(objectName(path))
  }

  /** The list of the array at that path; made when it is not there. */
  arrayAt(path: string): Y.Array<unknown> {
    return this.#doc.getArray(arrayName(path))
  }

  /** What container the key of the object at `path` holds, if any. */
  kindAt(path: string, key: string): RootedKind | undefined {
    const map = this.objectAt(path)
    if (map.has(key)) return markedKind(map.get(key))
    const tree = this.#childKeys()
    const child = childPath(path, key)
    if (this.#implied(child, tree) === undefined) return undefined
    return hasKeys(this.#objectJson(child, tree, 0)) ? 'object' : 'array'
  }

  /** Sets each of the fields; objects keep keys that `fields` does not name. */
  merge(path: string, fields: JsonObject): void {
    for (const [key, value] of Object.entries(fields)) this.set(path, key, value, 'merge')
  }

  /** Sets one key; `replace` removes keys of objects that the value does not name. */
  set(path: string, key: string, value: JsonValue, mode: 'merge' | 'replace'): void {
    const map = this.objectAt(path)
    const child = childPath(path, key)
    if (value === null || typeof value !== 'object') {
      this.#clear(child)
      if (map.get(key) !== value || !map.has(key)) map.set(key, value)
    } else if (isArray(value)) {
      if (markedKind(map.get(key)) !== 'array') map.set(key, Uint8Array.of(arrayMarker))
      this.#clearObject(child)
      replaceElements(this.arrayAt(child), value)
    } else {
      if (markedKind(map.get(key)) !== 'object') map.set(key, Uint8Array.of(objectMarker))
      this.#clearArray(child)
      if (mode === 'replace') this.#removeUnnamed(child, value)
      for (const [name, item] of Object.entries(value)) this.set(child, name, item, mode)
    }
  }

  /** Removes the key and everything below it. */
  unset(path: string, key: string): void {
    this.#clear(childPath(path, key))
    const map = this.objectAt(path)
    if (map.has(key)) map.delete(key)
  }

  /** All fields as the application sees them. */
  toJson(): JsonObject {
    return this.#objectJson('', this.#childKeys(), 0)
  }

  #objectJson(path: string, tree: ChildKeys, depth: number): JsonObject {
    const name = objectName(path)
    const map = this.#doc.share.has(name) ? this.#doc.getMap(name) : undefined
    const fields: [string, JsonValue][] = []
    const seen = new Set<string>()
    for (const [key, stored] of map?.entries() ?? []) {
      seen.add(key)
      const json = this.#storedJson(stored, childPath(path, key), tree, depth)
      if (json !== undefined) fields.push([key, json])
    }
    for (const key of tree.get(path) ?? []) {
      if (seen.has(key)) continue
      const json = this.#implied(childPath(path, key), tree, depth + 1)
      if (json !== undefined) fields.push([key, json])
    }
    return jsonObject(fields)
  }

  #storedJson(
    stored: unknown,
    child: string,
    tree: ChildKeys,
    depth: number,
  ): JsonValue | undefined {
    if (!(stored instanceof Uint8Array)) return fromShared(stored, depth + 1)
    if (depth + 1 >= depthMax) return undefined
    switch (markedKind(stored)) {
      case 'object':
        return this.#objectJson(child, tree, depth + 1)
      case 'array':
        return this.#arrayJson(child, depth + 1)
      default:
        return undefined
    }
  }

  /** A container whose marker was removed while another peer added to it: there while not empty. */
  #implied(child: string, tree: ChildKeys, depth = 0): JsonValue | undefined {
    if (depth >= depthMax) return undefined
    const object = this.#objectJson(child, tree, depth)
    if (hasKeys(object)) return object
    const array = this.#arrayJson(child, depth)
    return array.length > 0 ? array : undefined
  }

  #arrayJson(path: string, depth: number): readonly JsonValue[] {
    const name = arrayName(path)
    if (!this.#doc.share.has(name)) return []
    const json = fromShared(this.#doc.getArray(name), depth)
    return json !== undefined && isArray(json) ? json : []
  }

  /** Which keys have root types below them, for each path. */
  #childKeys(): ChildKeys {
    const tree: ChildKeys = new Map()
    for (const name of this.#doc.share.keys()) {
      const path = pathOfName(name)
      const keys = path === undefined ? undefined : keysOfPath(path)
      if (keys === undefined || keys.length > depthMax) continue
      let parent = ''
      for (const key of keys) {
        const children = tree.get(parent) ?? new Set()
        tree.set(parent, children.add(key))
        parent = childPath(parent, key)
      }
    }
    return tree
  }

  #removeUnnamed(path: string, value: JsonObject): void {
    const present = new Set([...this.objectAt(path).keys(), ...(this.#childKeys().get(path) ?? [])])
    for (const key of present) if (!Object.hasOwn(value, key)) this.unset(path, key)
  }

  #clear(path: string): void {
    this.#clearObject(path)
    this.#clearArray(path)
  }

  /** Empties the object at that path and all that is below it. */
  #clearObject(path: string): void {
    const below = `${path}/`
    for (const name of this.#doc.share.keys()) {
      const named = pathOfName(name)
      if (named === undefined) continue
      if (named.startsWith(below) || name === objectName(path)) this.#empty(name)
    }
  }

  #clearArray(path: string): void {
    if (this.#doc.share.has(arrayName(path))) this.#empty(arrayName(path))
  }

  #empty(name: string): void {
    if (name.startsWith('{')) {
      const map = this.#doc.getMap(name)
      for (const key of map.keys()) map.delete(key)
      return
    }
    const array = this.#doc.getArray(name)
    if (array.length > 0) array.delete(0, array.length)
  }
}

/** The keys below each path that have root types of their own, or below them. */
type ChildKeys = Map<string, Set<string>>

function markedKind(stored: unknown): RootedKind | undefined {
  if (!(stored instanceof Uint8Array) || stored.length !== 1) return undefined
  if (stored[0] === objectMarker) return 'object'
  return stored[0] === arrayMarker ? 'array' : undefined
}

function hasKeys(object: JsonObject): boolean {
  for (const _ in object) return true
  return false
}

/** Makes the list hold these values, leaving equal ones at both ends alone. */
function replaceElements(array: Y.Array<unknown>, values: readonly JsonValue[]): void {
  const present = array.toArray().map((element) => fromShared(element, 0) ?? null)
  const shorter = Math.min(present.length, values.length)
  let start = 0
  while (start < shorter && equalJson(present[start]!, values[start]!)) start += 1
  let end = 0
  while (end < shorter - start && equalJson(present.at(-1 - end)!, values.at(-1 - end)!)) end += 1
  const removed = present.length - start - end
  const added = values.slice(start, values.length - end)
  if (removed > 0) array.delete(start, removed)
  if (added.length > 0) array.insert(start, added.map(toShared))
}
