// `pnpm bench NAME [--only CONTEST] [--json FILE]`: runs a benchmark, or those of its contests whose
// names begin so, and prints medians, spread and ratios.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runBenchmark } from './harness.ts'
import { benchmarks } from './benchmarks.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, only: { type: 'string', default: '' } },
})
const benchmark = benchmarks.find(({ name }) => name === positionals[0])
if (benchmark === undefined || positionals.length !== 1) {
  const names = benchmarks.map(({ name }) => name).join(', ')
  console.error(`usage: pnpm bench NAME [--only CONTEST] [--json FILE]   names: ${names}`)
  process.exit(2)
}

const cases = await runBenchmark(
  benchmark,
  (line) => console.log(line),
  (contest) => (contest.name.startsWith(values.only) ? contest : undefined),
)
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ name: benchmark.name, cases }, null, 2)}\n`)
}
