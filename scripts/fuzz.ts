// `pnpm fuzz [--runs N] [--messages N] [--seed S]`: hostile channels and hostile members against an
// engine, each run from a seed of its own, counted up from the first. Ends with one line; exits 1
// when something did not hold.

import { parseArgs } from 'node:util'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import { fuzzChannels, fuzzMember } from '../packages/core/src/testing/fuzz/index.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    messages: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const runs = Number(values.runs)
const messages = Number(values.messages)
const firstSeed = Number(values.seed)
if (![runs, messages, firstSeed].every((value) => Number.isInteger(value) && value >= 0)) {
  console.error('usage: pnpm fuzz [--runs N] [--messages N] [--seed S]')
  process.exit(2)
}

console.log(`first seed ${firstSeed}`)
let total = 0
let violations = 0
for (let seed = firstSeed; seed < firstSeed + runs; seed += 1) {
  for (const [kind, fuzz] of [
    ['channels', fuzzChannels],
    ['member', fuzzMember],
  ] as const) {
    const options = { seed, messages, cryptography: nodeCryptography }
    try {
      const result = fuzz({ ...options, documents: createYjsDocuments() })
      total += result.messages
      for (const violation of result.violations) tell(seed, kind, violation)
    } catch (error) {
      tell(seed, kind, error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }
}
console.log(`${runs} seeds, ${total} hostile messages, ${violations} violations`)
process.exit(violations > 0 ? 1 : 0)

function tell(seed: number, kind: string, violation: string): void {
  violations += 1
  console.log(`seed ${seed}, ${kind}: ${violation}`)
  console.log(`replay: pnpm fuzz --runs 1 --messages ${messages} --seed ${seed}`)
}
