import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RowChange } from '../engine/command.ts'
import { compileQuery, LiveQuery } from './live-query.ts'
import type { JsonValue, Query, Row } from './query.ts'
import { compareValues } from './value-order.ts'

function compile(query: Partial<Query>) {
  const compiled = compileQuery({ collection: 'orders', filter: {}, ...query })
  if ('code' in compiled) throw new Error(compiled.message)
  return compiled
}

/** What an observer holds after it applied the changes in order. */
function apply(rows: readonly Row[], changes: readonly RowChange[]): Row[] {
  const next = [...rows]
  for (const change of changes) {
    switch (change.type) {
      case 'added':
        expect(change.index).toBeLessThanOrEqual(next.length)
        next.splice(change.index, 0, change.row)
        break
      case 'changed':
        expect(next[change.from]?._id).toBe(change.row._id)
        next.splice(change.from, 1)
        next.splice(change.index, 0, change.row)
        break
      case 'removed':
        expect(next[change.index]?._id).toBe(change.id)
        next.splice(change.index, 1)
        break
    }
  }
  return next
}

const value = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom('a', 'b'),
  fc.boolean(),
  fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
  fc.constant({ x: 1 }),
)

describe('LiveQuery', () => {
  test('[DO14] the changes turn the former window into the present one', () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      row: fc.option(fc.record({ group: fc.constantFrom('in', 'in', 'out'), rank: value })),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.nat({ max: 4 }),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        fc.constantFrom<1 | -1>(1, -1),
        (steps, skip, limit, direction) => {
          const query = compile({
            filter: { group: 'in' },
            sort: [['rank', direction]],
            skip,
            ...(limit === undefined ? {} : { limit }),
          })
          const live = new LiveQuery(query)
          const stored = new Map<string, Row>()
          let observed: Row[] = []
          for (const { id, row } of steps) {
            const present = row === null ? undefined : { ...row, _id: id }
            if (present === undefined) stored.delete(id)
            else stored.set(id, present)
            observed = apply(observed, live.update(id, present))
            const expected = [...stored.values()]
              .filter((row) => query.matches(row))
              .toSorted(query.order)
              .slice(skip, limit === undefined ? undefined : skip + limit)
            expect(observed).toEqual(expected)
            expect(live.rows()).toEqual(expected)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('[DO14] a change within the window is one entry with the old place', () => {
    const live = new LiveQuery(compile({ sort: [['n', 1]] }))
    for (const n of [1, 2, 3]) live.update(`row-${n}`, { _id: `row-${n}`, n })
    const row = { _id: 'row-1', n: 9 }
    expect(live.update('row-1', row)).toEqual([{ type: 'changed', from: 0, index: 2, row }])
  })
})

describe('compileQuery', () => {
  test.each<[string, Partial<Query>]>([
    ['a collection that is none', { collection: '' }],
    ['a fraction to skip', { skip: 0.5 }],
    ['a limit of nothing', { limit: 0 }],
    ['a direction that is none', { sort: [['a', 2 as 1]] }],
    ['a sort that is no list', { sort: { a: 1 } as unknown as [] }],
    ['a path that is none', { sort: [['', 1]] }],
  ])('[DO12] refuses %s', (_, query) => {
    expect(compileQuery({ collection: 'orders', filter: {}, ...query })).toMatchObject({
      code: 'query-invalid',
    })
  })
})

describe('compareValues', () => {
  test('[DO13] orders types: missing and null, numbers, texts, objects, arrays, booleans', () => {
    const sorted: JsonValue[] = [null, -1, 2, '', 'a', {}, { a: 1 }, [], [1], false, true]
    expect(sorted.toReversed().toSorted(compareValues)).toEqual(sorted)
    expect(compareValues(undefined, null)).toBe(0)
  })

  test('[DO13] is a total order', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(Math.sign(compareValues(a, b))).toBe(0 - Math.sign(compareValues(b, a)))
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) {
          expect(compareValues(a, c)).toBeLessThanOrEqual(0)
        }
      }),
    )
  })

  test('[DO13] an array sorts by its first element in the direction', () => {
    const { order } = compile({ sort: [['n', -1]] })
    const left = { _id: 'a', n: [1, 9] }
    const right = { _id: 'b', n: 5 }
    expect(order(left, right)).toBeLessThan(0)
    expect(compile({ sort: [['n', 1]] }).order(left, right)).toBeLessThan(0)
  })
})
