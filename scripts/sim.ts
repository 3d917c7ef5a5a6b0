// `pnpm sim [--seeds N] [--from SEED]`: simulated meshes under faults, each seed twice. Ends with
// one line; exits 1 when a mesh broke its word or two runs of a seed differed.

import { parseArgs } from 'node:util'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import { runScenario, type ScenarioResult } from '../packages/core/src/testing/sim/index.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
  },
})
const seedCount = Number(values.seeds)
const firstSeed = Number(values.from)
if (!Number.isInteger(seedCount) || seedCount < 1 || !Number.isInteger(firstSeed)) {
  console.error('usage: pnpm sim [--seeds N] [--from SEED]')
  process.exit(2)
}

const run = (seed: number): ScenarioResult =>
  runScenario({ seed, cryptography: nodeCryptography, documents: createYjsDocuments() })

const total = { hours: 0, writes: 0, violations: 0 }
const worst = { healingMs: 0, calmMs: 0, idleMessages: 0 }
const faults: Record<string, number> = {}
for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
  const first = run(seed)
  const violations = [...first.violations]
  if (run(seed).traceDigest !== first.traceDigest) violations.push('two runs of the seed differ')
  for (const violation of violations) console.log(`seed ${seed}: ${violation}`)
  if (violations.length > 0) console.log(`replay: pnpm sim --seeds 1 --from ${seed}`)
  total.hours += first.simulatedMs / 3_600_000
  total.writes += first.acknowledgedWrites
  total.violations += violations.length
  for (const [kind, count] of Object.entries(first.faults)) {
    faults[kind] = (faults[kind] ?? 0) + count
  }
  for (const key of ['healingMs', 'calmMs', 'idleMessages'] as const) {
    worst[key] = Math.max(worst[key], first[key])
  }
}
console.log(
  `at worst ${worst.healingMs} ms until a mended mesh agreed, ${worst.calmMs} ms until a calm one ` +
    `did after an edit, ${worst.idleMessages} messages within an idle minute on one link`,
)
const faultText = Object.entries(faults).map(([kind, count]) => `${count} ${kind}`)
console.log(
  `${seedCount} seeds, ${total.hours.toFixed(2)} simulated hours, ${total.writes} acknowledged ` +
    `writes, ${faultText.join(', ')}, ${total.violations} violations`,
)
process.exit(total.violations > 0 ? 1 : 0)
