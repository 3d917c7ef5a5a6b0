// One core's share of `pnpm sim`: runs the seeds that it is sent.

import { parentPort } from 'node:worker_threads'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import {
  drawScript,
  isSameViolation,
  runScript,
  runTwice,
  shrink,
  type RunResult,
  type Script,
  type Violation,
} from '../packages/core/src/testing/sim/index.ts'

/** What a seed came to; with a smaller script, where something was found and it was asked for. */
export interface SeedOutcome {
  readonly seed: number
  readonly result: RunResult
  readonly shrunk: Script | undefined
}

interface SeedRequest {
  readonly seed: number
  readonly shrinks: boolean
}

const options = { cryptography: nodeCryptography, documents: createYjsDocuments() }

/** The smallest script found that shows the violation. */
function shrunkFor(script: Script, violation: Violation): Script {
  const run = violation.invariant === 'repeatable' ? runTwice : runScript
  return shrink(script, (candidate) =>
    run(candidate, options).violations.some((other) => isSameViolation(other, violation)),
  ).script
}

parentPort?.on('message', ({ seed, shrinks }: SeedRequest) => {
  const script = drawScript(seed)
  const result = runTwice(script, options)
  const [violation] = result.violations
  const shrunk = violation !== undefined && shrinks ? shrunkFor(script, violation) : undefined
  const outcome: SeedOutcome = { seed, result, shrunk }
  parentPort?.postMessage(outcome)
})
