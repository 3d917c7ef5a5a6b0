// `pnpm soak [--seeds N] [--runs N]`: what takes longer than `npm test` may: simulated meshes and
// the fuzzer, each from a first seed drawn anew, one after the other. Exits 1 when either failed;
// each prints how to replay what it found.

import { parseArgs } from 'node:util'
import { run, runMain } from './process.mjs'
import { ensureToolchain, ROOT } from './toolchain.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '400' },
    runs: { type: 'string', default: '40' },
  },
})

await runMain(async () => {
  await ensureToolchain()
  const from = String(Math.floor(Math.random() * 2 ** 32))
  const steps = [
    ['scripts/sim.ts', '--seeds', values.seeds, '--from', from],
    ['scripts/fuzz.ts', '--runs', values.runs],
  ]
  let failures = 0
  for (const step of steps) {
    const args = ['--conditions=fieldmesh-source', ...step]
    const { code } = await run('node', args, { cwd: ROOT })
    if (code !== 0) failures += 1
  }
  console.log(failures === 0 ? 'soak: all held' : `soak: ${failures} of ${steps.length} failed`)
  return failures === 0 ? 0 : 1
})
