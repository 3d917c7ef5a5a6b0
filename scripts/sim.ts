// `pnpm sim mesh`, `pnpm sim paths` and `pnpm sim routing` are other commands, each in a file of its own.
//
// `pnpm sim [--seeds N] [--from SEED]`: simulated meshes under faults, each seed twice, on all cores.
// Ends with one line; exits 1 when a mesh broke its word, two runs of a seed differed, or a kind of
// fault hardly occurred. What a seed found is shrunk to a script in `.cache/sim`, which
// `pnpm sim --script FILE` runs; with `--log` it tells what happens.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createYjsDocuments } from '../packages/core/src/documents/yjs-documents.ts'
import { nodeCryptography } from '../packages/core/src/driver/node-cryptography.ts'
import {
  drawScript,
  formatScript,
  parseScript,
  Report,
  runTwice,
  type RunResult,
  type Script,
} from '../packages/core/src/testing/sim/index.ts'
import { runMesh } from './sim-mesh.ts'
import { runPaths } from './sim-paths.ts'
import { runRouting } from './sim-routing.ts'
import type { SeedOutcome } from './sim-worker.ts'

const usage =
  'usage: pnpm sim [--seeds N] [--from SEED] | --script FILE [--log] | --seed SEED [--log]'
/** Beyond so many seeds that found something, the others are not shrunk: it takes minutes. */
const shrunkMax = 3

/** Other commands; each gives its exit code. */
const commands = new Map<string | undefined, (args: readonly string[]) => number>([
  ['mesh', runMesh],
  ['paths', runPaths],
  ['routing', runRouting],
])
const command = commands.get(process.argv[2])
if (command !== undefined) process.exit(command(process.argv.slice(3)))

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    script: { type: 'string' },
    log: { type: 'boolean', default: false },
  },
})

const script = scriptAskedFor()
process.exit(script === undefined ? await runSeeds() : runOne(script))

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

/** The one script that is to be run, if it is one. */
function scriptAskedFor(): Script | undefined {
  if (values.script !== undefined) {
    return parseScript(readFileSync(values.script, 'utf8')) ?? fail('that file holds no script')
  }
  return values.seed === undefined ? undefined : drawScript(integer(values.seed))
}

function integer(text: string): number {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= 0 ? value : fail(usage)
}

function runOne(asked: Script): number {
  const log = values.log ? { log: (line: string) => console.log(line) } : {}
  const result = runTwice(asked, {
    cryptography: nodeCryptography,
    documents: createYjsDocuments(),
    ...log,
  })
  console.log(formatScript(asked))
  tellViolations('the script', result)
  return result.violations.length > 0 ? 1 : 0
}

async function runSeeds(): Promise<number> {
  const seedCount = integer(values.seeds)
  const firstSeed = integer(values.from)
  const report = new Report()
  let nextSeed = firstSeed
  let shrunkCount = 0
  const workers = Array.from({ length: Math.min(availableParallelism(), seedCount) }, async () => {
    const worker = new Worker(new URL('sim-worker.ts', import.meta.url))
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        if (nextSeed < firstSeed + seedCount) {
          worker.postMessage({ seed: nextSeed, shrinks: shrunkCount < shrunkMax })
          nextSeed += 1
        } else {
          resolve()
        }
      }
      worker.on('error', reject)
      worker.on('message', ({ seed, result, shrunk }: SeedOutcome) => {
        report.add(result)
        tellViolations(`seed ${seed}`, result)
        if (result.violations.length > 0) console.log(`replay: pnpm sim --seed ${seed} --log`)
        if (shrunk !== undefined) {
          shrunkCount += 1
          keep(seed, shrunk)
        }
        go()
      })
      go()
    })
    await worker.terminate()
  })
  await Promise.all(workers)
  const { rareKinds, violationCount } = report
  if (rareKinds.length > 0) console.log(`hardly occurred: ${rareKinds.join(', ')}`)
  console.log(report.worstLine())
  console.log(report.line())
  return violationCount > 0 || rareKinds.length > 0 ? 1 : 0
}

function tellViolations(what: string, { violations }: RunResult): void {
  for (const { invariant, sentence, atMs } of violations) {
    console.log(`${what}: ${invariant} at ${atMs.toFixed(0)} ms: ${sentence}`)
  }
}

function keep(seed: number, shrunk: Script): void {
  const folder = join(import.meta.dirname, '..', '.cache', 'sim')
  const file = join(folder, `seed-${seed}.json`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, formatScript(shrunk))
  console.log(`shrunk: pnpm sim --script ${file} --log\n${formatScript(shrunk)}`)
}
