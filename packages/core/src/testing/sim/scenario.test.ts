import { describe, expect, test } from 'vitest'
import { createYjsDocuments } from '../../documents/yjs-documents.ts'
import { nodeCryptography } from '../../driver/node-cryptography.ts'
import { runScenario } from './scenario.ts'

const seedCount = 12

describe('a mesh under faults, mended', () => {
  for (let seed = 1; seed <= seedCount; seed += 1) {
    test(`seed ${seed}: agrees on every acknowledged write, and runs the same way twice`, () => {
      const run = () =>
        runScenario({ seed, cryptography: nodeCryptography, documents: createYjsDocuments() })
      const first = run()
      // The outcome carries what a failure has to print.
      const replay = `pnpm sim --seeds 1 --from ${seed}`
      expect({ replay, violations: first.violations }).toEqual({ replay, violations: [] })
      expect(first.acknowledgedWrites).toBeGreaterThan(0)
      expect({ replay, trace: run().traceDigest }).toEqual({ replay, trace: first.traceDigest })
    }, 120_000)
  }
})
