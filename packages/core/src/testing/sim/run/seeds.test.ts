/** The short run of the simulator; `pnpm sim --seeds 2000` is the long one. */

import { describe, expect, test } from 'vitest'
import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { drawScript } from '../script/swarm.ts'
import { regressions } from './regressions.ts'
import { runScript } from './run-script.ts'
import { runTwice } from './run-twice.ts'

/** Some 30 s on one quiet core. */
const seedCount = 40

const seeds = Array.from({ length: seedCount }, (_, index) => index + 1)
const options = { cryptography: nodeCryptography, documents: createYjsDocuments() }

describe('a mesh under faults, mended', () => {
  test.each(seeds)('seed %i: keeps its word, and runs the same way twice', (seed) => {
    // The outcome carries what a failure has to print.
    const replay = `pnpm sim --seed ${seed} --log`
    const { violations } = runTwice(drawScript(seed), options)
    expect({ replay, violations }).toEqual({ replay, violations: [] })
  })
})

describe('what seeds have found does not come back', () => {
  const found = regressions.map(({ bug, script }) => [script.seed, bug, script] as const)

  test.each(found)('seed %i: %s', (_seed, _bug, script) => {
    expect(runTwice(script, options).violations).toEqual([])
  })
})

test('[FR12] keys of links follow each other under faults', () => {
  expect(runScript(drawScript(1), options).rekeys).toBeGreaterThan(20)
})
