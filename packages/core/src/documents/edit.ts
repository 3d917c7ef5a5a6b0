/** Edits: what an `update` draft recorded. Operations, not values, so that concurrent ones merge. */

import type { JsonValue } from './query.ts'

/** Keys of objects and indexes of arrays, from the document's root. */
export type EditPath = readonly (string | number)[]

export type Edit =
  /** Sets a key or replaces an array element. Setting an object replaces what it does not name. */
  | { readonly type: 'set'; readonly path: EditPath; readonly value: JsonValue }
  | { readonly type: 'unset'; readonly path: EditPath }
  /** Removes and inserts array elements at `index`; a push is a splice at the end. */
  | {
      readonly type: 'splice'
      readonly path: EditPath
      readonly index: number
      readonly deleteCount: number
      readonly values: readonly JsonValue[]
    }
