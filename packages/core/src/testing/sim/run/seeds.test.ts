/** The short run of the simulator; `pnpm sim --seeds 2000` is the long one. */

import { afterAll, describe, expect, test } from 'vitest'
import { createYjsDocuments } from '../../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../../driver/node-cryptography.ts'
import { drawScript } from '../script/swarm.ts'
import { Report } from './report.ts'
import { runScript } from './run-script.ts'
import { runTwice } from './run-twice.ts'

/** Some 60 s on one quiet core. */
const seedCount = 40

const seeds = Array.from({ length: seedCount }, (_, index) => index + 1)
const options = { cryptography: nodeCryptography, documents: createYjsDocuments() }
const report = new Report()

describe('a mesh under faults, mended', () => {
  afterAll(() => {
    console.log(report.line())
  })

  test.each(seeds)('seed %i: keeps its word, and runs the same way twice', (seed) => {
    // The outcome carries what a failure has to print.
    const replay = `pnpm sim --seed ${seed} --log`
    const result = runTwice(drawScript(seed), options)
    report.add(result)
    expect({ replay, violations: result.violations }).toEqual({ replay, violations: [] })
  })

  test('of every kind of fault enough has happened', () => {
    expect(report.rareKinds).toEqual([])
  })
})

test('[FR12] keys of links follow each other under faults', () => {
  expect(runScript(drawScript(1), options).rekeys).toBeGreaterThan(20)
})
