import { expect, test } from 'vitest'

import type { PeerId } from '../identity/peer-id.ts'
import { farewellMsMax, Farewells, farewellsMax } from './farewells.ts'

const peer = '0123456789abcdef' as PeerId
const other = 'fedcba9876543210' as PeerId
const packet = Uint8Array.of(1)

test('[CN21] a farewell is for its peer, and for ten seconds', () => {
  const farewells = new Farewells()
  farewells.keep(7, peer, packet, 100)
  expect(farewells.answer(7, peer, 100)).toBe(packet)
  expect(farewells.answer(7, other, 100)).toBeUndefined()
  expect(farewells.answer(8, peer, 100)).toBeUndefined()
  expect(farewells.answer(7, peer, 100 + farewellMsMax)).toBeUndefined()
})

test('[CN21] it is said at once, and then with pauses that double from half a second', () => {
  const farewells = new Farewells()
  farewells.keep(7, peer, packet, 0)
  const saidAtMs: number[] = []
  for (let nowMs = 10; nowMs < farewellMsMax; nowMs += 10) {
    if (farewells.answer(7, peer, nowMs) === packet) saidAtMs.push(nowMs)
  }
  expect(saidAtMs).toEqual([10, 510, 1_510, 3_510, 7_510])
  expect(farewells.answer(7, peer, farewellMsMax - 1)).toBe('nothing')
})

test('[CN21] the oldest farewell gives way, and expired ones go with the next', () => {
  const farewells = new Farewells()
  for (let id = 0; id <= farewellsMax; id += 1) farewells.keep(id, peer, packet, id)
  expect(farewells.size).toBe(farewellsMax)
  expect(farewells.answer(0, peer, 100)).toBeUndefined()
  expect(farewells.answer(1, peer, 100)).toBe(packet)
  farewells.keep(1000, peer, packet, 2 * farewellMsMax)
  expect(farewells.size).toBe(1)
})
