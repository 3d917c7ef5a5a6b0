import { expect, test } from 'vitest'

import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { Dice } from '../world/dice.ts'
import { bluetooth, diameterOf, longTopology, MeshRun, randomTopology, wifi } from './index.ts'

const common = {
  seed: 7,
  cryptography: nodeCryptography,
  documents: createYjsDocuments(),
  joinMs: 2_000,
}

test('[RO4] [RO5] [RO8] twenty engines join in any order, and live through a link event each 200 ms', () => {
  const topology = randomTopology(new Dice('twenty'), 20, 6)
  const run = new MeshRun({ ...common, topology, profile: wifi() })
  expect(run.comeTogether()).toBeLessThan(1_000)
  const churn = run.churn(30_000, 200)
  expect(churn.linkEvents).toBe(150)
  expect(churn.deliverableShare).toBeGreaterThan(0.99)
  expect(run.watch.nextHopChanges).toBeGreaterThan(1_000)
  expect(run.watch.loopCount).toBe(0)
  run.rest(10_000)
  expect(run.loseOne()).toBeLessThan(1_500)
  expect(run.violations).toEqual([])
})

test('[PR14] at rest a long mesh of Bluetooth links stays within the share of presence', () => {
  const topology = longTopology(new Dice('long'), 26, 4, 12)
  expect(diameterOf(topology)).toBe(12)
  const run = new MeshRun({ ...common, topology, profile: bluetooth() })
  expect(run.comeTogether()).toBeLessThan(20_000)
  run.rest(120_000)
  const { routeBytes, presenceBytes } = run.rest(60_000)
  // A peer has four links of 20,000 bytes a second.
  expect(presenceBytes).toBeLessThan(4 * 200)
  expect(routeBytes).toBeLessThan(4 * 1_000)
  expect(run.violations).toEqual([])
})
