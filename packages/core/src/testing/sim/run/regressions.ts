/**
 * Seeds that found a bug, each with the script that was left of it. `pnpm sim` prints what belongs
 * here. A seed draws another script once the swarm is changed, so the script is what stays; it was
 * seen to fail where the bug is still there.
 */

import type { Script } from '../script/script.ts'

export interface Regression {
  /** What went wrong. */
  readonly bug: string
  /** Shrunk; its seed is the one that found it. */
  readonly script: Script
}

export const regressions: readonly Regression[] = [
  {
    bug: 'a spare that died in one direction was believed long after the link had gone over to it',
    script: {
      seed: 283,
      diskDelayMsMax: 1,
      faultyMs: 5539,
      checks: [],
      peers: [
        { name: 'p1', dials: [], direct: { name: 'wifi' } },
        {
          name: 'p3',
          dials: [{ transport: 'wire', to: 'p1', profile: { name: 'relay' } }],
          direct: { name: 'wifi' },
        },
      ],
      steps: [
        { atMs: 4131, type: 'partition', from: 'p1', to: 'p3', durationMs: 3350 },
        {
          atMs: 4539,
          type: 'transfer',
          from: 'p3',
          to: 'p1',
          priority: 'interactive',
          bytes: 39,
          answerBytes: 100,
          writeBytes: 19716,
          writeMs: 0,
          readMs: 8,
          patienceMs: 11449,
        },
      ],
    },
  },
]
