// `pnpm mutation [--mutants N] [--seed N] [--workers N] [--file PATH…]`: how many small faults in the
// protocol rooms the tests notice. N mutants, drawn from the seed, are planted one at a time in a
// copy of the tree. A mutant that does not compile is replaced by the next one drawn; one that makes
// a test fail, or the tests not end, is killed: first the tests of its file are asked, then those of its
// room, then all of the engine and the simulator. Survivors are printed. Exits 1 below nine in ten.

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
/** Tests that take longer than this do not end; the slowest stage takes a fraction of it. */
const stageMsMax = 300_000

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
  const queue = mutants.values()
  const results = []
  const wanted = Number(values.mutants)
  let underWay = 0
  const copies = Array.from({ length: Number(values.workers) }, () =>
    mkdtempSync(join(tmpdir(), 'fieldmesh-mutation-')),
  )
  try {
    await Promise.all(
      copies.map(async (copy) => {
        await fill(copy)
        while (results.length + underWay < wanted) {
          const { value: mutant, done } = queue.next()
          if (done) return
          underWay += 1
          const outcome = await judge(copy, mutant)
          underWay -= 1
          if (outcome === 'not compiled') continue
          results.push({ mutant, outcome })
          console.log(`${results.length}: ${outcome} ${describe(mutant)}`)
        }
      }),
    )
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
  }
  return report(results)
})

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

async function judge(copy, mutant) {
  const path = join(copy, mutant.fileName)
  const original = readFileSync(path, 'utf8')
  writeFileSync(path, planted(original, mutant))
  try {
    const types = ['-p', 'packages/core/tsconfig.engine.json', '--noEmit']
    const compiled = await run(bin(copy, 'tsc'), types, { cwd: copy, quiet: true })
    if (compiled.code !== 0) return 'not compiled'
    const ownTests = mutant.fileName.replace(/\.ts$/, '.test.ts')
    const stages = [[ownTests], [dirname(mutant.fileName)], [engineFolder, simulatorFolder]]
    for (const filters of existsSync(join(copy, ownTests)) ? stages : stages.slice(1)) {
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
    const child = spawn(bin(copy, 'vitest'), args, { cwd: copy, stdio: 'ignore', detached: true })
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
  return killed >= killedShareMin * results.length ? 0 : 1
}
