import { expect, test } from 'vitest'

import { congestionMarkMs, standingMs, StandingQueue } from './standing-queue.ts'

test('[MP10] a queue in which packets wait long for a while is marked, until one did not', () => {
  const queue = new StandingQueue()
  const long = congestionMarkMs + 1
  expect(queue.leaves(long, 1_000)).toBe(false)
  expect(queue.leaves(long, 1_000 + standingMs - 1)).toBe(false)
  expect(queue.leaves(long, 1_000 + standingMs)).toBe(true)
  expect(queue.leaves(long, 1_000 + standingMs + 1)).toBe(true)
  expect(queue.leaves(congestionMarkMs, 1_100)).toBe(false)
  expect(queue.leaves(long, 1_101)).toBe(false)
})

test('[MP10] a burst that runs empty is not marked', () => {
  const queue = new StandingQueue()
  for (let burst = 0; burst < 10; burst += 1) {
    for (let packet = 0; packet <= 10; packet += 1) {
      expect(queue.leaves(packet * 4.5, burst * 1_000 + packet * 4.5)).toBe(false)
    }
  }
})
