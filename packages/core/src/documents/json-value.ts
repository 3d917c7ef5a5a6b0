/** JSON values: building objects safely, comparing, telling arrays from objects. */

import type { JsonObject, JsonValue } from './query.ts'

/** An object with these fields, in order of code units; safe for a key named `__proto__`. */
export function jsonObject(fields: readonly (readonly [string, JsonValue])[]): JsonObject {
  const object: Record<string, JsonValue> = {}
  for (const [key, value] of fields.toSorted(byKey)) {
    if (key === '__proto__') {
      Object.defineProperty(object, key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    } else {
      object[key] = value
    }
  }
  return object
}

/** Whether two JSON values are the same, whatever the order of their keys. */
export function equalJson(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true
  if (left === null || right === null) return false
  if (typeof left !== 'object' || typeof right !== 'object') return false
  if (isArray(left) || isArray(right)) {
    if (!isArray(left) || !isArray(right) || left.length !== right.length) return false
    return left.every((item, index) => equalJson(item, right[index]!))
  }
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key]!, right[key]!))
}

/** `Array.isArray` that also narrows a readonly array. */
export function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function byKey(left: readonly [string, JsonValue], right: readonly [string, JsonValue]): number {
  return left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0
}
