import { describe, expect, test } from 'vitest'

import { nodeCryptography } from '../../driver/node-cryptography.ts'
import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { explore } from '../../testing/explore/explorer.ts'
import { remembering } from '../../testing/explore/remembering-cryptography.ts'
import { TwoNeighbourhoods } from './two-neighbourhoods.ts'
import type { TwoNeighbourhoodsOptions } from './two-neighbourhoods.ts'
import { plainTraits } from './virtual-network.ts'

/** One dials, for the first time, over a channel that keeps order; nothing goes wrong. */
const calm: TwoNeighbourhoodsOptions = {
  cryptography: remembering(nodeCryptography),
  recorder: new FlightRecorder(registry, { level: 'off' }).recorder,
  traits: plainTraits,
  diallers: [0],
  haveMet: false,
  isSecretShared: true,
  losses: 0,
  duplicates: 0,
  overtakings: 0,
  cuts: 0,
  waits: 0,
}

const lossy = { ...calm, traits: { ...plainTraits, reliable: false, ordered: false } }

/**
 * What is explored, how deep, and the least number of states in that depth: it depends on when
 * channels repeat and acknowledge, too.
 */
const explorations: readonly (readonly [string, TwoNeighbourhoodsOptions, number, number])[] = [
  [
    'first contact that both begin, one channel is cut: 1,900 states in 10 steps',
    { ...calm, diallers: [0, 1], cuts: 1 },
    10,
    1_900,
  ],
  [
    'first contact, two messages lost, one doubled, one overtaken: 800 states in 8 steps',
    { ...lossy, losses: 2, duplicates: 1, overtakings: 1, waits: 1 },
    8,
    800,
  ],
  [
    'a return, two messages lost, one doubled, one overtaken: 700 states in 7 steps',
    { ...lossy, haveMet: true, losses: 2, duplicates: 1, overtakings: 1, waits: 1 },
    7,
    700,
  ],
  [
    'a return, two channels are cut: 1,600 states in 10 steps',
    { ...calm, haveMet: true, cuts: 2, waits: 2 },
    10,
    1_600,
  ],
  [
    'returns of both at once, one channel is cut: 900 states in 9 steps',
    { ...calm, diallers: [0, 1], haveMet: true, cuts: 1 },
    9,
    900,
  ],
  [
    'first contact that both begin, one boots anew: 1,700 states in 8 steps',
    { ...calm, diallers: [0, 1], boots: 1 },
    8,
    1_700,
  ],
  [
    'a return, somebody sends, one boots anew: 400 states in 9 steps',
    { ...calm, haveMet: true, boots: 1, sends: 1 },
    9,
    400,
  ],
  [
    'without a common secret, two messages lost, one doubled: 1,600 states in 10 steps',
    { ...lossy, isSecretShared: false, losses: 2, duplicates: 1, waits: 2 },
    10,
    1_600,
  ],
]

describe('[HS12, HS15, LK10] every order of messages, up to a depth: both ends are linked, or both are told', () => {
  test.each(explorations)('%s', (_title, options, depthMax, states) => {
    const report = explore({
      make: () => new TwoNeighbourhoods(options),
      depthMax,
      statesMax: 50_000,
    })
    expect(report.violation).toBe(undefined)
    expect(report.isComplete).toBe(true)
    expect(report.states).toBeGreaterThanOrEqual(states)
  })
})
