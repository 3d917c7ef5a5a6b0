// `pnpm mutation [--mutants N] [--seed N] [--workers N] [--file PATH…]`: how many small faults in the
// protocol rooms the tests notice. N mutants, drawn from the seed, are planted one at a time in a
// copy of the tree. A mutant that does not compile is replaced by the next one drawn; one that makes
// a test fail, or the tests not end, is killed: first the tests of its file are asked, then those of its
// room; all of the engine and the simulator only while fewer than nine in ten are killed, for it takes
// minutes each. Survivors are printed. Exits 1 below nine in ten.

import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { run, runMain, StepError } from './process.mjs'
import { ensureToolchain, ROOT } from './toolchain.mjs'

const rooms = ['link', 'noise', 'mesh', 'connection'].map(
  (room) => `packages/core/src/engine/${room}`,
)
const engineFolder = 'packages/core/src/engine'
const simulatorFolder = 'packages/core/src/testing/sim'
/** What is in these rooms for tests only. */
const testSupport =
  /\.test\.ts$|virtual-network|two-(?:ends|neighbourhoods|peers)|(?:bundle|neighbourhood)-pipes/
const killedShareMin = 0.9
const typeCheck = ['-p', 'packages/core/tsconfig.engine.json', '--noEmit']
/**
 * Processor time of one process of the tests that do not end, in seconds; what ends takes a fraction
 * of it. Time on the wall would kill mutants on a machine that does other work.
 */
const processorSecondsMax = 300
/** Tests that only wait do not end either. */
const stageMsMax = 1_800_000

const { values, positionals } = parseArgs({
  options: {
    mutants: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    workers: { type: 'string', default: '2' },
  },
  allowPositionals: true,
})

await runMain(async () => {
  await ensureToolchain()
  const files = positionals.length > 0 ? positionals : await sources()
  const mutants = shuffled(await mutantsOf(files), Number(values.seed))
  console.log(`seed ${values.seed}: ${values.mutants} of ${mutants.length} mutants`)
  const copies = Array.from({ length: Number(values.workers) }, () =>
    mkdtempSync(join(tmpdir(), 'fieldmesh-mutation-')),
  )
  const results = []
  try {
    await Promise.all(copies.map(fill))
    await drawInto(results, mutants, copies)
    await askOthers(results, copies)
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
  }
  return report(results)
})

/** Judges mutants by their own room until as many as are wanted have an outcome. */
async function drawInto(results, mutants, copies) {
  const queue = mutants.values()
  const wanted = Number(values.mutants)
  let underWay = 0
  await Promise.all(
    copies.map(async (copy) => {
      while (results.length + underWay < wanted) {
        const { value: mutant, done } = queue.next()
        if (done) return
        underWay += 1
        const outcome = await judge(copy, mutant, ownStages)
        underWay -= 1
        if (outcome === 'not compiled') continue
        results.push({ mutant, outcome })
        console.log(`${results.length}: ${outcome} ${describe(mutant)}`)
      }
    }),
  )
}

/** Asks all other tests about survivors, one after the other, while there are too many of them. */
async function askOthers(results, copies) {
  const asked = results.filter(({ outcome }) => outcome === 'survived').values()
  await Promise.all(
    copies.map(async (copy) => {
      while (!killsEnough(results)) {
        const { value: result, done } = asked.next()
        if (done) return
        result.outcome = await judge(copy, result.mutant, otherStages)
        console.log(`${result.outcome} by others: ${describe(result.mutant)}`)
      }
    }),
  )
}

function killsEnough(results) {
  const survivors = results.filter(({ outcome }) => outcome === 'survived')
  return survivors.length <= (1 - killedShareMin) * results.length
}

/** The tests of the mutant's file, then those of its room. */
function ownStages(copy, { fileName }) {
  const ownTests = fileName.replace(/\.ts$/, '.test.ts')
  const room = dirname(fileName)
  return existsSync(join(copy, ownTests)) ? [[ownTests], [room]] : [[room]]
}

function otherStages() {
  return [[engineFolder, simulatorFolder]]
}

async function sources() {
  const { output } = await run('git', ['ls-files', ...rooms], { cwd: ROOT, quiet: true })
  return output.split('\n').filter((file) => file.endsWith('.ts') && !testSupport.test(file))
}

async function mutantsOf(files) {
  const silent = { isDebugEnabled: () => false, debug() {}, info() {}, warn() {} }
  const contents = files.map((name) => ({
    name,
    content: readFileSync(join(ROOT, name), 'utf8'),
    mutate: true,
  }))
  const options = { plugins: null, excludedMutations: [], ignorers: [] }
  const { mutants } = await new Instrumenter(silent).instrument(contents, options)
  return mutants
}

/** Fisher and Yates, by a linear congruential generator: the same order for the same seed. */
function shuffled(items, seed) {
  const result = [...items]
  let state = seed >>> 0
  for (let last = result.length - 1; last > 0; last -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (last + 1))
    ;[result[last], result[other]] = [result[other], result[last]]
  }
  return result
}

/** A copy of the tree's tracked files, with packages installed. */
async function fill(copy) {
  const { output } = await run('git', ['ls-files'], { cwd: ROOT, quiet: true })
  for (const file of output.split('\n').filter(Boolean)) {
    cpSync(join(ROOT, file), join(copy, file))
  }
  const args = ['install', '--frozen-lockfile', '--prefer-offline']
  const installed = await run('pnpm', args, { cwd: copy, quiet: true })
  if (installed.code !== 0) throw new StepError(`pnpm install failed:\n${installed.output}`)
}

async function judge(copy, mutant, stagesOf) {
  const path = join(copy, mutant.fileName)
  const original = readFileSync(path, 'utf8')
  writeFileSync(path, planted(original, mutant))
  try {
    const compiled = await run(bin(copy, 'tsc'), typeCheck, { cwd: copy, quiet: true })
    if (compiled.code !== 0) return 'not compiled'
    for (const filters of stagesOf(copy, mutant)) {
      const outcome = await test(copy, filters)
      if (outcome !== 'passed') return outcome
    }
    return 'survived'
  } finally {
    writeFileSync(path, original)
  }
}

function bin(copy, name) {
  return join(copy, 'node_modules/.bin', name)
}

/** Runs the tests at these places in a process group of their own, which ends when its time is over. */
function test(copy, filters) {
  const args = ['run', '--project', 'node', '--bail', '1', '--reporter', 'dot', ...filters]
  return new Promise((resolve) => {
    const limited = `ulimit -t ${processorSecondsMax}; exec "$0" "$@"`
    const child = spawn('sh', ['-c', limited, bin(copy, 'vitest'), ...args], {
      cwd: copy,
      stdio: 'ignore',
      detached: true,
    })
    const timer = setTimeout(() => {
      resolve('timed out')
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, stageMsMax)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve(code === 0 ? 'passed' : 'killed')
    })
  })
}

function planted(source, { location, replacement }) {
  return (
    source.slice(0, at(source, location.start)) +
    replacement +
    source.slice(at(source, location.end))
  )
}

/** Lines and columns count from 0. */
function at(source, { line, column }) {
  let offset = 0
  for (let passed = 0; passed < line; passed += 1) offset = source.indexOf('\n', offset) + 1
  return offset + column
}

function describe({ fileName, mutatorName, location, replacement }) {
  const { start, end } = location
  const source = readFileSync(join(ROOT, fileName), 'utf8')
  const original = source.slice(at(source, start), at(source, end))
  const short = (text) => text.replace(/\s+/g, ' ').slice(0, 100)
  return `${fileName}:${start.line + 1}:${start.column + 1} ${mutatorName}: ${short(original)} → ${short(replacement)}`
}

function report(results) {
  const count = (outcome) => results.filter((result) => result.outcome === outcome).length
  const survivors = results.filter(({ outcome }) => outcome === 'survived')
  if (survivors.length > 0) console.log('survivors:')
  for (const { mutant } of survivors) console.log(`  ${describe(mutant)}`)
  const killed = results.length - survivors.length
  console.log(
    `mutation: seed ${values.seed}, ${results.length} mutants, ${killed} killed ` +
      `(${count('timed out')} by time), ${survivors.length} survived`,
  )
  return killsEnough(results) ? 0 : 1
}
