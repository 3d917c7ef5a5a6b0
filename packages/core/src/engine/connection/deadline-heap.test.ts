import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { DeadlineHeap } from './deadline-heap.ts'

test('[CN43] always knows the earliest deadline, and gives what is due in order', () => {
  const call = fc.oneof(
    fc.record({ item: fc.nat({ max: 20 }), deadlineMs: fc.nat({ max: 50 }) }),
    fc.record({ item: fc.nat({ max: 20 }), deadlineMs: fc.constant(Number.POSITIVE_INFINITY) }),
    fc.record({ dueMs: fc.nat({ max: 50 }) }),
  )
  fc.assert(
    fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
      const heap = new DeadlineHeap<number>()
      const model = new Map<number, number>()
      for (const call of calls) {
        if ('dueMs' in call) {
          const due = heap.takeDue(call.dueMs)
          const deadlines = due.map((item) => model.get(item)!)
          expect(deadlines).toEqual(deadlines.toSorted((left, right) => left - right))
          const expected = [...model].filter(([, deadlineMs]) => deadlineMs <= call.dueMs)
          expect(new Set(due)).toEqual(new Set(expected.map(([item]) => item)))
          for (const item of due) model.delete(item)
        } else {
          heap.set(call.item, call.deadlineMs)
          if (call.deadlineMs === Number.POSITIVE_INFINITY) model.delete(call.item)
          else model.set(call.item, call.deadlineMs)
        }
        expect(heap.size).toBe(model.size)
        expect(heap.nextMs).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()))
      }
    }),
  )
})

test('[CN43] equal deadlines come in the order in which they were set first', () => {
  const heap = new DeadlineHeap<string>()
  for (const item of ['c', 'a', 'b']) heap.set(item, 5)
  heap.set('d', 4)
  heap.set('c', 4)
  heap.set('c', 5)
  expect(heap.takeDue(5)).toEqual(['d', 'c', 'a', 'b'])
})
