/** What sealed-realm.test.ts bundles and runs where there is no clock, timer, randomness or host. */

import { createYjsDocuments } from '../../documents/yjs-documents.ts'
import { nobleCryptography } from '../../engine/crypto/noble.ts'
import { drawScript, runScript, type RunResult } from './index.ts'

/** A run with everything in it: links, routes, connections, documents, faults. */
export function runSeed(seed: number): RunResult {
  return runScript(drawScript(seed), {
    cryptography: nobleCryptography,
    documents: createYjsDocuments(),
  })
}
