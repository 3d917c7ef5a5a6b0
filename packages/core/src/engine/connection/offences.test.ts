import { expect, test } from 'vitest'

import { parsePeerId } from '../identity/peer-id.ts'
import {
  offenceMemoryMs,
  Offences,
  offencePauseMs,
  offencePauseMsMax,
  offendersMax,
} from './offences.ts'

const peer = parsePeerId('0000000000000001')!

test('[CN41] pauses double with each offence, up to a minute', () => {
  const offences = new Offences()
  expect(offences.pausedUntilMs(peer)).toBe(Number.NEGATIVE_INFINITY)
  const pauses = Array.from({ length: 9 }, (_, index) => {
    const atMs = index * 70_000
    offences.committed(peer, atMs)
    return offences.pausedUntilMs(peer) - atMs
  })
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  expect(offencePauseMsMax).toBe(60_000)
})

test('[CN41] a peer that was good for ten minutes begins anew', () => {
  const offences = new Offences()
  for (let round = 0; round < 5; round += 1) offences.committed(peer, 0)
  offences.committed(peer, offenceMemoryMs)
  expect(offences.pausedUntilMs(peer)).toBe(offenceMemoryMs + offencePauseMs)
})

test('[CN41] so many are remembered, and the one that was good for longest is forgotten', () => {
  const offences = new Offences()
  const peers = Array.from({ length: offendersMax + 3 }, (_, index) => {
    return parsePeerId(index.toString(16).padStart(16, '0'))!
  })
  for (const [index, each] of peers.entries()) {
    offences.committed(each, index)
    if (index === 5) offences.committed(peers[0]!, index)
  }
  expect(offences.size).toBe(offendersMax)
  expect(offences.pausedUntilMs(peers[1]!)).toBe(Number.NEGATIVE_INFINITY)
  expect(offences.pausedUntilMs(peers[0]!)).toBeGreaterThan(0)
  // Whoever is forgotten by time makes room at once.
  offences.committed(peers[0]!, 2 * offenceMemoryMs)
  expect(offences.size).toBe(1)
})
