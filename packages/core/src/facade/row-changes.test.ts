import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RowChange } from '../engine/command.ts'
import { additionsOf, applyRowChanges } from './row-changes.ts'

const row = (id: number, version = 0) => ({ _id: `r-${id}`, version })

test('changes are applied one after the other, each at the indexes of its moment', () => {
  const changes: RowChange[] = [
    { type: 'removed', index: 0, id: 'r-1' },
    { type: 'changed', from: 2, index: 0, row: row(4, 1) },
    { type: 'added', index: 3, row: row(5) },
    { type: 'changed', from: 1, index: 1, row: row(2, 1) },
  ]
  expect(applyRowChanges([row(1), row(2), row(3), row(4)], changes)).toEqual([
    row(4, 1),
    row(2, 1),
    row(3),
    row(5),
  ])
})

test('rows before stay as they were, and unchanged rows stay the same objects', () => {
  const before = [row(1), row(2)]
  const after = applyRowChanges(before, [{ type: 'added', index: 0, row: row(3) }])
  expect(before).toHaveLength(2)
  expect(after[1]).toBe(before[0])
})

test('a first result is told as additions to nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), (ids) => {
      const rows = ids.map((id) => row(id))
      expect(applyRowChanges([], additionsOf(rows))).toEqual(rows)
    }),
  )
})
