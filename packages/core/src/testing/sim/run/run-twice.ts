/** Every script is run twice: two runs must be the same in every byte. */

import type { Script } from '../script/script.ts'
import { runScript, type RunOptions, type RunResult } from './run-script.ts'

/** The result of the first run, with a violation more when the second went another way. */
export function runTwice(script: Script, options: RunOptions): RunResult {
  const first = runScript(script, options)
  const second = runScript(script, options)
  if (second.traceDigest === first.traceDigest) return first
  const sentence = `two runs differ: ${first.eventCount} events and ${second.eventCount}`
  const violation = { invariant: 'repeatable', sentence, atMs: 0 } as const
  return { ...first, violations: [...first.violations, violation] }
}
