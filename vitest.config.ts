// Two projects: `node` runs units, simulations and conformance suites; `browser` runs the tests
// that drive a real Chromium from Node. No retries: a test that fails once is a bug.

import { defaultClientConditions, defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'
import { findChromium } from './scripts/chromium.mjs'

const SOURCE_CONDITION = 'fieldmesh-source'
const BROWSER_TESTS = '**/*.browser.test.ts'
const IGNORED = ['**/node_modules/**', '**/dist/**', '**/.cache/**']

const chromium = findChromium()

export default defineConfig({
  resolve: { conditions: [SOURCE_CONDITION, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [SOURCE_CONDITION, ...defaultServerConditions] } },
  test: {
    pool: 'forks',
    // Machines of two cores are the ones to be fast on; simulations are bound by the processor.
    maxWorkers: 2,
    // Code that Node loads by itself (worker threads, child processes) finds the sources as well.
    execArgv: [`--conditions=${SOURCE_CONDITION}`],
    env: chromium ? { FIELDMESH_CHROMIUM: chromium } : {},
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          // Not a threshold: only what never ends is to be ended, on however slow a machine.
          testTimeout: 600_000,
          hookTimeout: 600_000,
          include: [
            'packages/**/src/**/*.test.ts',
            'apps/**/src/**/*.test.ts',
            'bench/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          exclude: [...IGNORED, BROWSER_TESTS],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: [BROWSER_TESTS],
          exclude: IGNORED,
          // One Chromium at a time, and alone: latencies are measured in some of these tests.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
