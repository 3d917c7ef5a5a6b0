/** Checking values of the application before they become part of a document. */

import type { Problem } from '../engine/problem.ts'
import { depthMax, isWellFormed, keyLengthMax } from './document-limits.ts'
import type { EditPath } from './edit.ts'

/**
 * The problem of the first value that a document cannot hold, or `undefined`. `path` leads to the
 * value, for the message and for the depth.
 */
export function checkValue(value: unknown, path: EditPath): Problem | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : invalid(path, `${value} is not a finite number`)
    case 'string':
      return isWellFormed(value) ? undefined : invalid(path, 'the text has half a surrogate pair')
    case 'object':
      return value === null ? undefined : checkContainer(value, path)
    default:
      return invalid(path, `${typeof value} is no JSON value`)
  }
}

/** The problem of a path that no document can have, or `undefined`. */
export function checkPath(path: EditPath): Problem | undefined {
  if (path.length === 0) return invalid(path, 'the document itself cannot be replaced')
  if (path.length > depthMax) return invalid(path, `it is nested deeper than ${depthMax} levels`)
  if (typeof path[0] !== 'string') return invalid(path, 'a path begins with a key')
  if (path[0] === '_id') return invalid(path, '_id cannot be changed')
  for (const step of path) {
    const problem = typeof step === 'string' ? checkKey(step, path) : checkIndex(step, path)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** `value-invalid` for the value at that path. */
export function invalid(path: EditPath, reason: string): Problem {
  const name = path.length === 0 ? 'the document' : `"${path.join('.').slice(0, 200)}"`
  return { code: 'value-invalid', message: `${name} cannot be stored: ${reason}` }
}

function checkContainer(value: object, path: EditPath): Problem | undefined {
  if (path.length >= depthMax) return invalid(path, `it is nested deeper than ${depthMax} levels`)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const problem = checkValue(value[index], [...path, index])
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && !isPlainPrototype(prototype)) {
    return invalid(path, 'only plain objects and arrays are JSON values')
  }
  for (const [key, item] of Object.entries(value)) {
    const problem = checkKey(key, path) ?? checkValue(item, [...path, key])
    if (problem !== undefined) return problem
  }
  return undefined
}

/** An object of another realm is plain too: its prototype is the one that has no prototype itself. */
function isPlainPrototype(prototype: unknown): boolean {
  return typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null
}

function checkKey(key: string, path: EditPath): Problem | undefined {
  if (key.length > keyLengthMax) {
    return invalid(path, `a key has ${key.length} characters, the limit is ${keyLengthMax}`)
  }
  return isWellFormed(key) ? undefined : invalid(path, 'a key has half a surrogate pair')
}

function checkIndex(index: number, path: EditPath): Problem | undefined {
  return Number.isSafeInteger(index) && index >= 0 ? undefined : invalid(path, 'a bad array index')
}
