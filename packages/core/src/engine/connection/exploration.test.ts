/**
 * Every order of events at two ends of a connection, up to a depth: packets lost, doubled, overtaken
 * and late; routes cut; ten minutes slept by both or by one; lies; a boot; farewells. In each state both ends
 * have to come to a connection with the same keys, if nothing more goes wrong, and no message may be
 * lost, given twice or out of order; no key seals twice under one nonce; no connection ends but for a
 * boot, or when it is closed.
 */

import { expect, test } from 'vitest'

import { explore } from '../../testing/explore/explorer.ts'
import { SeededRandom } from '../crypto/random.ts'
import { TwoEnds, type TwoEndsOptions } from './exploration-two-ends.ts'

const unlimited = Number.POSITIVE_INFINITY
const smallKeys = {
  phase: { messages: 3, bytes: unlimited, ms: unlimited },
  numbers: 8,
  forgeries: unlimited,
}

interface Exploration extends TwoEndsOptions {
  readonly depth: number
  /** At least so many different states: fewer mean that something is not tried any more. */
  readonly states: number
}

test.each<[string, Exploration]>([
  [
    '[CN11][CN12] both open a first handshake',
    {
      connected: false,
      budgets: { losses: 1, copies: 1, overtakings: 1 },
      depth: 7,
      states: 500,
    },
  ],
  [
    '[CN11][CN12] both open a first handshake over a path that loses more',
    { connected: false, budgets: { losses: 2, copies: 1 }, depth: 10, states: 1500 },
  ],
  [
    '[CN22][CN28][CN33] messages go on over a cut, parked or rested',
    {
      connected: true,
      budgets: { cuts: 1, rests: 1, losses: 1, messages: 1 },
      depth: 6,
      states: 1100,
    },
  ],
  [
    '[CN31][CN32][CN36] both or one come back without keys, and packets are lost',
    { connected: true, budgets: { cuts: 2, rests: 2, losses: 1 }, depth: 11, states: 2500 },
  ],
  [
    '[CN35] packets of a resumption arrive again at any later time',
    {
      connected: true,
      budgets: { cuts: 1, rests: 1, losses: 1, copies: 1, overtakings: 1 },
      depth: 12,
      states: 2500,
    },
  ],
  [
    '[CN24][CN34] somebody lies about tickets and connections',
    {
      connected: true,
      budgets: { cuts: 1, rests: 1, lies: 1, losses: 1 },
      depth: 11,
      states: 2900,
    },
  ],
  [
    '[CN23][CN34] one end boots anew',
    {
      connected: true,
      budgets: { cuts: 1, rests: 1, restarts: 1, losses: 1 },
      depth: 8,
      states: 700,
    },
  ],
  [
    '[CN21][CN23] one end or both close, and open again',
    {
      connected: true,
      budgets: { closes: 2, losses: 1, copies: 1, overtakings: 1 },
      depth: 7,
      states: 4600,
    },
  ],
  [
    '[CN21][CN28] one end closes while the other may be away, or rest',
    {
      connected: true,
      budgets: { closes: 1, cuts: 1, rests: 1, losses: 1 },
      depth: 8,
      states: 1700,
    },
  ],
  [
    '[CN37][CN38][CN39][CN40] keys change, and are used up',
    {
      connected: true,
      budgets: { messages: 5, losses: 1 },
      keyLimits: smallKeys,
      depth: 7,
      states: 1200,
    },
  ],
])('%s', (_name, { depth, states, ...options }) => {
  const report = explore({
    make: () => new TwoEnds(options),
    depthMax: depth,
    statesMax: 20_000,
  })
  expect(report.violation).toBeUndefined()
  expect(report.isComplete).toBe(true)
  expect(report.states).toBeGreaterThanOrEqual(states)
})

test.each<[string, TwoEndsOptions]>([
  [
    '[CN22][CN24][CN28][CN31][CN32][CN33][CN34][CN35][CN36] away again and again, among liars',
    {
      connected: true,
      budgets: {
        cuts: 4,
        rests: 4,
        losses: 6,
        copies: 4,
        overtakings: 3,
        lies: 3,
        messages: 6,
        delays: 4,
      },
    },
  ],
  [
    '[CN37][CN40] keys that change and are used up',
    {
      connected: true,
      budgets: { cuts: 2, rests: 2, losses: 6, copies: 6, lies: 4, messages: 12, delays: 4 },
      keyLimits: smallKeys,
    },
  ],
  [
    '[CN11][CN12][CN23] boots',
    {
      connected: false,
      budgets: { cuts: 2, rests: 1, losses: 6, copies: 4, restarts: 2, messages: 6, delays: 6 },
    },
  ],
])('%s: walks of fifty events', (_name, options) => {
  const dice = new SeededRandom(new Uint8Array(32).fill(1))
  for (let walk = 0; walk < 250; walk += 1) {
    const system = new TwoEnds(options)
    const path: string[] = []
    for (let step = 0; step < 50; step += 1) {
      const choices = system.choices()
      if (choices.length === 0) break
      const choice = choices[Math.floor(dice.fraction() * choices.length)]!
      path.push(choice)
      system.choose(choice)
      expect({ path, violation: system.violation() }).toEqual({ path, violation: undefined })
    }
    expect({ path, unsettled: system.settle() }).toEqual({ path, unsettled: undefined })
  }
})
