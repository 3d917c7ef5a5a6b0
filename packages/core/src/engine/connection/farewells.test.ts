import { expect, test } from 'vitest'

import type { PeerId } from '../identity/peer-id.ts'
import { farewellMsMax, Farewells, farewellsMax } from './farewells.ts'

const peer = '0123456789abcdef' as PeerId
const other = 'fedcba9876543210' as PeerId
const packet = Uint8Array.of(1)

test('[CN21] a farewell is for its peer, and for ten seconds', () => {
  const farewells = new Farewells()
  farewells.keep(7, peer, packet, 100)
  expect(farewells.find(7, peer, 100)).toBe(packet)
  expect(farewells.find(7, other, 100)).toBeUndefined()
  expect(farewells.find(8, peer, 100)).toBeUndefined()
  expect(farewells.find(7, peer, 100 + farewellMsMax)).toBeUndefined()
})

test('[CN21] the oldest farewell gives way, and expired ones go with the next', () => {
  const farewells = new Farewells()
  for (let id = 0; id <= farewellsMax; id += 1) farewells.keep(id, peer, packet, id)
  expect(farewells.size).toBe(farewellsMax)
  expect(farewells.find(0, peer, 100)).toBeUndefined()
  expect(farewells.find(1, peer, 100)).toBe(packet)
  farewells.keep(1000, peer, packet, 2 * farewellMsMax)
  expect(farewells.size).toBe(1)
})
