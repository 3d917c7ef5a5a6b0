/**
 * Copies of what an application hands over: plain JSON that nobody else changes, free of drafts.
 *
 * What may be stored is the engine's to say; this only refuses what could not even be sent to it.
 */

import type { JsonValue } from '../documents/query.ts'
import { MeshError } from './mesh-error.ts'

/** Nesting at which a value is taken to contain itself. The engine's own bound is lower. */
const depthMax = 100

/** Gives the value that stands behind a draft, and any other value as it is. */
export type Unwrap = (value: unknown) => unknown

/**
 * A deep copy; keys whose value is undefined are left out. Throws `value-invalid` with the path of
 * what is not JSON. `name` is what the message calls the value.
 */
export function copyJson(value: unknown, name: string, unwrap: Unwrap = same): JsonValue {
  return copy(value, name, unwrap, 0)
}

function same(value: unknown): unknown {
  return value
}

function copy(wrapped: unknown, name: string, unwrap: Unwrap, depth: number): JsonValue {
  const value = unwrap(wrapped)
  if (depth > depthMax) throw invalid(name, 'is nested too deeply, or contains itself')
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw invalid(name, `is ${value}, which JSON does not have`)
      return value
    case 'object':
      return value === null ? null : copyContainer(value, name, unwrap, depth)
    default:
      throw invalid(name, `is of type ${typeof value}, which JSON does not have`)
  }
}

function copyContainer(value: object, name: string, unwrap: Unwrap, depth: number): JsonValue {
  if (Array.isArray(value)) {
    // Not `map`: it would skip holes, which are no JSON.
    return Array.from(value, (item, index) => copy(item, `${name}[${index}]`, unwrap, depth + 1))
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const kind = (value as { constructor?: { name?: unknown } }).constructor?.name
    throw invalid(name, `is an object of class ${String(kind)}; only plain objects are JSON`)
  }
  const copied: Record<string, JsonValue> = {}
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    // Not an assignment: `__proto__` is a key like any other here.
    Object.defineProperty(copied, key, {
      value: copy(item, `${name}.${key}`, unwrap, depth + 1),
      ...ordinary,
    })
  }
  return copied
}

const ordinary = { enumerable: true, configurable: true, writable: true }

function invalid(name: string, reason: string): MeshError {
  return new MeshError('value-invalid', `${name} ${reason}`)
}
