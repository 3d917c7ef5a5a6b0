import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../../recorder/recorder.ts'
import { registry } from '../../../recorder/registry.ts'
import { explore } from '../../../testing/explore/explorer.ts'
import { nobleCryptography } from '../../crypto/noble.ts'
import { SeededRandom } from '../../crypto/random.ts'
import { RouterExplorable, type RouterExplorableOptions } from './router-explorable.ts'

const context = {
  random: new SeededRandom(new Uint8Array(32)),
  cryptography: nobleCryptography,
  recorder: new FlightRecorder(registry, { level: 'off' }).recorder,
}

/**
 * The six connected graphs of four peers: ends and metric of each link, such that there are paths to
 * fall back to, some of them feasible at once and some not.
 */
const topologies = {
  line: [
    [0, 1, 20],
    [1, 2, 20],
    [2, 3, 20],
  ],
  star: [
    [0, 1, 20],
    [0, 2, 20],
    [0, 3, 20],
  ],
  ring: [
    [0, 1, 20],
    [1, 2, 20],
    [2, 3, 20],
    [3, 0, 50],
  ],
  paw: [
    [0, 1, 20],
    [1, 2, 20],
    [2, 0, 50],
    [2, 3, 20],
  ],
  diamond: [
    [0, 1, 20],
    [1, 2, 20],
    [2, 3, 20],
    [3, 0, 50],
    [0, 2, 90],
  ],
  complete: [
    [0, 1, 20],
    [1, 2, 20],
    [2, 3, 20],
    [3, 0, 90],
    [0, 2, 50],
    [1, 3, 50],
  ],
} as const

function optionsOf(
  topology: keyof typeof topologies,
  faults: Partial<RouterExplorableOptions>,
): RouterExplorableOptions {
  const links = topologies[topology].map(([left, right, metric]) => ({
    ends: [left, right] as const,
    metric,
  }))
  return { context, peerCount: 4, links, cuts: 0, joins: 0, dearer: 0, wakes: 4, ...faults }
}

/** What is explored, how deep, and how many states that has: 22,928 in all. */
const explorations: readonly (readonly [
  keyof typeof topologies,
  Partial<RouterExplorableOptions>,
  number,
  number,
])[] = [
  ['line', { cuts: 2, joins: 1 }, 8, 1_042],
  ['star', { cuts: 2, joins: 1 }, 8, 1_306],
  ['ring', { cuts: 2 }, 6, 1_829],
  ['ring', { cuts: 1 }, 7, 1_482],
  ['ring', { cuts: 1, joins: 1, dearer: 1 }, 5, 1_655],
  ['paw', { cuts: 2 }, 6, 2_155],
  ['paw', { cuts: 1, dearer: 1 }, 5, 1_824],
  ['diamond', { cuts: 2 }, 5, 1_160],
  ['diamond', { cuts: 1 }, 7, 4_075],
  ['diamond', { cuts: 1, dearer: 1 }, 5, 3_339],
  ['complete', { cuts: 2 }, 5, 1_644],
  ['complete', { cuts: 1 }, 6, 1_417],
]

describe('every order of events', () => {
  test.each(explorations)(
    '[RO8] no circle in any state: %s with %o, %i steps, %i states',
    (topology, faults, depthMax, states) => {
      const make = () => new RouterExplorable(optionsOf(topology, faults))
      const report = explore({ make, depthMax, statesMax: 10_000 })
      expect(report).toMatchObject({
        violation: undefined,
        isComplete: true,
        depth: depthMax,
        states,
      })
    },
  )
})
