import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from './event-queue.ts'

test('actions come in the order of time and, at one time, of scheduling', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const queue = new EventQueue()
      const ran: { atMs: number; order: number }[] = []
      times.forEach((atMs, order) => queue.push(atMs, () => ran.push({ atMs, order })))
      for (let action = queue.pop(); action !== undefined; action = queue.pop()) action()
      const sorted = times
        .map((atMs, order) => ({ atMs, order }))
        .sort((left, right) => left.atMs - right.atMs || left.order - right.order)
      expect(ran).toEqual(sorted)
    }),
  )
})

test('the time of the next action is known, and that of none is never', () => {
  const queue = new EventQueue()
  expect(queue.nextAtMs).toBe(Number.POSITIVE_INFINITY)
  queue.push(7, () => {})
  queue.push(3, () => {})
  expect(queue.nextAtMs).toBe(3)
  expect(queue.size).toBe(2)
})
