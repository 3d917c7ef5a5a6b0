import { describe, expect, test } from 'vitest'

import { explore } from '../../testing/explore/explorer.ts'
import { TwoEnds } from './bundle-two-ends.ts'
import type { TwoEndsOptions } from './bundle-two-ends.ts'

/** Without faults; each end sends a frame of two priorities. */
const calm = { cuts: 0, silences: 0, suspicions: 0, stalls: 0, sends: 1 }

/** What is explored, and how deep; the numbers of states are those of these depths. */
const explorations: readonly (readonly [string, TwoEndsOptions, number, number])[] = [
  [
    'two channels that open, and one cut: 42,913 states in 12 steps',
    { ...calm, channels: ['lan', 'wan'], cuts: 1 },
    12,
    42_913,
  ],
  [
    'a better channel comes, one is cut and one has no credit: 35,470 states in 10 steps',
    { ...calm, channels: ['wan', 'lan'], opened: 1, cuts: 1, stalls: 1 },
    10,
    35_470,
  ],
  [
    'of two channels one is cut, and one taken for silent: 42,623 states in 9 steps',
    { ...calm, channels: ['wan', 'lan'], opened: 2, cuts: 1, suspicions: 1 },
    9,
    42_623,
  ],
  [
    'of three channels one is cut and one falls silent: 25,991 states in 8 steps',
    { ...calm, channels: ['wan', 'lan', 'lan'], opened: 2, cuts: 1, silences: 1 },
    8,
    25_991,
  ],
  [
    'three channels that open, and two cuts, so that links end and begin: 65,477 states in 8 steps',
    { ...calm, channels: ['lan', 'lan', 'wan'], cuts: 2 },
    8,
    65_477,
  ],
  [
    'two channels, one cut, one end forgets, one says what has come: 16,464 states in 12 steps',
    { ...calm, channels: ['lan', 'lan'], opened: 1, cuts: 1, forgets: 1, receipts: 1 },
    12,
    16_464,
  ],
  [
    'three channels, one cut, one end forgets the other: 13,952 states in 8 steps',
    { ...calm, channels: ['lan', 'lan', 'wan'], opened: 1, cuts: 1, forgets: 1 },
    8,
    13_952,
  ],
  [
    'packets are given up for a channel over Bluetooth, one is cut, one suspected: 50,942 states in 9 steps',
    {
      ...calm,
      channels: ['lan', 'bluetooth'],
      kinds: ['packet', 'route'],
      opened: 2,
      cuts: 1,
      suspicions: 1,
    },
    9,
    50_942,
  ],
]

describe('[LK9, LK32] every order of events, up to a depth', () => {
  test.each(explorations)('%s', (_title, options, depthMax, states) => {
    const report = explore({ make: () => new TwoEnds(options), depthMax, statesMax: 100_000 })
    expect(report.violation).toBe(undefined)
    expect(report.isComplete).toBe(true)
    expect(report.states).toBe(states)
  })
})
