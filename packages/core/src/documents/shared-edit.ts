/** Applying recorded edits to the shared types of a document. */

import * as Y from 'yjs'
import { unreachable } from '../engine/assert.ts'
import type { Problem } from '../engine/problem.ts'
import type { Edit, EditPath } from './edit.ts'
import { childPath } from './field-path.ts'
import type { JsonValue } from './query.ts'
import type { SharedFields } from './shared-fields.ts'
import { toShared } from './shared-json.ts'

/** Where a path leads: an object named by its path, an object inside an array, or an array. */
type Place =
  | { readonly type: 'rooted'; readonly path: string }
  | { readonly type: 'map'; readonly map: Y.Map<unknown> }
  | { readonly type: 'array'; readonly array: Y.Array<unknown> }

/** Applies one edit whose path and values are valid; the problem when it finds no place. */
export function applyEdit(fields: SharedFields, edit: Edit): Problem | undefined {
  switch (edit.type) {
    case 'set':
      return assign(fields, edit.path, edit.value)
    case 'unset':
      return remove(fields, edit.path)
    case 'splice': {
      const place = locate(fields, edit.path)
      if (place?.type !== 'array') return noPlace(edit.path)
      return splice(place.array, edit)
    }
    default:
      return unreachable(edit)
  }
}

function assign(fields: SharedFields, path: EditPath, value: JsonValue): Problem | undefined {
  const place = locate(fields, path.slice(0, -1))
  const step = path.at(-1)
  if (typeof step === 'string') {
    if (place?.type === 'rooted') fields.set(place.path, step, value, 'replace')
    else if (place?.type === 'map') place.map.set(step, toShared(value))
    else return noPlace(path)
    return undefined
  }
  if (place?.type !== 'array' || step === undefined || step >= place.array.length) {
    return noPlace(path)
  }
  place.array.delete(step, 1)
  place.array.insert(step, [toShared(value)])
  return undefined
}

function remove(fields: SharedFields, path: EditPath): Problem | undefined {
  const place = locate(fields, path.slice(0, -1))
  const step = path.at(-1)
  if (typeof step !== 'string') return noPlace(path)
  if (place?.type === 'rooted') fields.unset(place.path, step)
  else if (place?.type === 'map') place.map.delete(step)
  else return noPlace(path)
  return undefined
}

function splice(array: Y.Array<unknown>, edit: Edit & { type: 'splice' }): Problem | undefined {
  if (edit.index + edit.deleteCount > array.length) return noPlace(edit.path)
  if (edit.deleteCount > 0) array.delete(edit.index, edit.deleteCount)
  if (edit.values.length > 0) array.insert(edit.index, edit.values.map(toShared))
  return undefined
}

function locate(fields: SharedFields, path: EditPath): Place | undefined {
  let place: Place | undefined = { type: 'rooted', path: '' }
  for (const step of path) {
    place = place === undefined ? undefined : enter(fields, place, step)
  }
  return place
}

function enter(fields: SharedFields, place: Place, step: string | number): Place | undefined {
  switch (place.type) {
    case 'rooted': {
      if (typeof step !== 'string') return undefined
      const kind = fields.kindAt(place.path, step)
      const child = childPath(place.path, step)
      if (kind === 'object') return { type: 'rooted', path: child }
      return kind === 'array' ? { type: 'array', array: fields.arrayAt(child) } : undefined
    }
    case 'map':
      return typeof step === 'string' ? nested(place.map.get(step)) : undefined
    case 'array':
      return typeof step === 'number' && step < place.array.length
        ? nested(place.array.get(step))
        : undefined
    default:
      return unreachable(place)
  }
}

function nested(value: unknown): Place | undefined {
  if (value instanceof Y.Map) return { type: 'map', map: value }
  return value instanceof Y.Array ? { type: 'array', array: value } : undefined
}

function noPlace(path: EditPath): Problem {
  return {
    code: 'document-changed',
    message: `the edit of "${path.join('.').slice(0, 200)}" does not fit the document any more`,
  }
}
