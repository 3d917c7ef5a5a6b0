/** What sealed-realm.test.ts bundles and runs where there is no clock, timer, randomness or host. */

import { createYjsDocuments } from '../../documents/yjs-documents.ts'
import { nobleCryptography } from '../../engine/crypto/noble.ts'
import { runScenario, type ScenarioResult } from './scenario.ts'

/** A short scenario with everything in it: links, routes, connections, documents, faults. */
export function runSeed(seed: number): ScenarioResult {
  return runScenario({
    seed,
    cryptography: nobleCryptography,
    documents: createYjsDocuments(),
    faultyMs: 15_000,
  })
}
