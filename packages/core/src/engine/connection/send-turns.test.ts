import { expect, test } from 'vitest'

import { SendTurns } from './send-turns.ts'

const packetBytes = 1000

test('[ST9] whoever waited while 15 packets went is next, at the priority of those', () => {
  const turns = new SendTurns(4)
  const waits = (rank: number) => rank === 3
  for (let count = 0; count < 15; count += 1) {
    expect(turns.isStarved(3, packetBytes)).toBe(false)
    turns.sent(count % 3, packetBytes, waits)
  }
  expect(turns.isStarved(3, packetBytes)).toBe(true)
  expect(turns.passedBy(3)).toBe(2)
  expect(turns.isStarved(2, packetBytes)).toBe(false)
  turns.sent(3, packetBytes, waits)
  expect(turns.isStarved(3, packetBytes)).toBe(false)
})

test('[ST9] who had nothing to send meanwhile has waited for nothing', () => {
  const turns = new SendTurns(4)
  for (let count = 0; count < 14; count += 1) turns.sent(0, packetBytes, () => true)
  turns.sent(0, packetBytes, () => false)
  turns.sent(0, packetBytes, () => true)
  expect([1, 2, 3].some((rank) => turns.isStarved(rank, packetBytes))).toBe(false)
})
