/** Applying row changes: how a live result follows the engine without being sent again. */

import { unreachable } from '../engine/assert.ts'
import type { RowChange } from '../engine/command.ts'
import type { Row } from '../documents/query.ts'

/** The rows after the changes, a new array. Linear in rows for each change that moves others. */
export function applyRowChanges(
  rows: readonly Row[],
  changes: readonly RowChange[],
): readonly Row[] {
  const next = [...rows]
  for (const change of changes) {
    switch (change.type) {
      case 'added':
        next.splice(change.index, 0, change.row)
        break
      case 'changed':
        if (change.from === change.index) next[change.index] = change.row
        else {
          next.splice(change.from, 1)
          next.splice(change.index, 0, change.row)
        }
        break
      case 'removed':
        next.splice(change.index, 1)
        break
      default:
        unreachable(change)
    }
  }
  return next
}

/** The changes that make the rows out of none: how a first result is told. */
export function additionsOf(rows: readonly Row[]): readonly RowChange[] {
  return rows.map((row, index) => ({ type: 'added', index, row }))
}

/** The changes that make the rows out of others, told without a look at what they share. */
export function replacementsOf(before: readonly Row[], rows: readonly Row[]): readonly RowChange[] {
  const removals = before.map(({ _id: id }): RowChange => ({ type: 'removed', index: 0, id }))
  return [...removals, ...additionsOf(rows)]
}
