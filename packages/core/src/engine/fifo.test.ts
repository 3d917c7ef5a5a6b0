import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { Fifo } from './fifo.ts'

test('gives what an array gives, whatever is pushed and taken', () => {
  // Each number is so many pushes, or takes when it is negative.
  const steps = fc.array(fc.integer({ min: -3_000, max: 3_000 }), { maxLength: 12 })
  fc.assert(
    fc.property(steps, (counts) => {
      const fifo = new Fifo<number>()
      let pushed = 0
      let taken = 0
      for (const count of counts) {
        for (let push = 0; push < count; push += 1) {
          fifo.push(pushed)
          pushed += 1
        }
        for (let take = 0; take > count; take -= 1) {
          expect(fifo.shift()).toBe(taken < pushed ? taken : undefined)
          if (taken < pushed) taken += 1
        }
        expect(fifo.length).toBe(pushed - taken)
        expect(fifo.at(0)).toBe(taken < pushed ? taken : undefined)
        expect(fifo.at(pushed - taken - 1)).toBe(taken < pushed ? pushed - 1 : undefined)
        expect(fifo.at(pushed - taken)).toBe(undefined)
      }
    }),
  )
})
