import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { RangeSet } from './range-set.ts'

function rangesOf(set: RangeSet): [number, number][] {
  return Array.from({ length: set.size }, (_, index) => [set.at(index).start, set.at(index).end])
}

test('ranges that touch or overlap become one', () => {
  const set = new RangeSet()
  expect(set.add(0, 2)).toBe(2)
  expect(set.add(4, 6)).toBe(2)
  expect(set.add(2, 4)).toBe(2)
  expect(rangesOf(set)).toEqual([[0, 6]])
  expect(set.add(5, 5)).toBe(0)
  set.remove(1, 3)
  expect(rangesOf(set)).toEqual([
    [0, 1],
    [3, 6],
  ])
})

test('behaves like a set of integers', () => {
  const step = fc.record({
    adds: fc.boolean(),
    start: fc.integer({ min: 0, max: 60 }),
    length: fc.integer({ min: 0, max: 12 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const set = new RangeSet()
      const model = new Set<number>()
      for (const { adds, start, length } of steps) {
        let fresh = 0
        for (let value = start; value < start + length; value += 1) {
          if (adds && !model.has(value)) fresh += 1
          if (adds) model.add(value)
          else model.delete(value)
        }
        if (adds) expect(set.add(start, start + length)).toBe(fresh)
        else set.remove(start, start + length)
      }
      for (let value = 0; value < 80; value += 1) expect(set.has(value)).toBe(model.has(value))
      const ranges = rangesOf(set)
      for (const [index, [start, end]] of ranges.entries()) {
        expect(end).toBeGreaterThan(start)
        if (index > 0) expect(start).toBeGreaterThan(ranges[index - 1]![1])
      }
    }),
    { numRuns: 500 },
  )
})
