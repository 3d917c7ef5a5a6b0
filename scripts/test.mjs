// `npm test`: every static check, then every test. Goes on after a failure, so that one run tells
// all; the last line is the sum. `checks` runs only the static checks, `unit` only vitest; what
// follows `unit` is handed to vitest.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureChromium } from './chromium.mjs'
import { offerNetworkTools } from './network-tools.mjs'
import { run, runMain, StepError } from './process.mjs'
import { ensureToolchain, ROOT } from './toolchain.mjs'

// In this order: the types are built first because the packages are packed from what tsc emits.
const CHECKS = [
  { name: 'types', command: 'tsc', args: ['-b'] },
  { name: 'lint', command: 'oxlint', args: [] },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level=warn', '.'] },
  { name: 'dead code', command: 'knip', args: ['--no-config-hints'] },
  { name: 'packages', command: 'node', args: ['scripts/check-packages.mjs'] },
  { name: 'rules', command: 'node', args: ['scripts/check-rules.mjs'] },
  { name: 'instruments', command: 'node', args: ['scripts/write-instruments.mjs', '--check'] },
]

await runMain(async () => {
  const [part, ...vitestArgs] = process.argv.slice(2)
  if (part !== undefined && part !== 'checks' && part !== 'unit') {
    throw new StepError(`Unknown part "${part}". Parts: checks, unit; without one, everything.`)
  }
  await ensureToolchain()

  const results = []
  if (part !== 'unit') {
    for (const check of CHECKS) results.push(await runCheck(check))
  }
  if (part !== 'checks') results.push(await runTests(vitestArgs))

  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const result of results) {
    for (const key of Object.keys(total)) total[key] += result[key]
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
  return total.failed > 0 ? 1 : 0
})

async function runCheck({ name, command, args }) {
  const startedAtMs = performance.now()
  const { code, output } = await run(command, args, { cwd: ROOT, quiet: true })
  report(name, code === 0, startedAtMs)
  if (code === 0) return { passed: 1, failed: 0, skipped: 0 }
  console.log(output.trimEnd())
  return { passed: 0, failed: 1, skipped: 0 }
}

async function runTests(args) {
  await ensureChromium()
  await offerNetworkTools()
  const startedAtMs = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'fieldmesh-test-'))
  try {
    const reportPath = join(folder, 'vitest.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`]
    const { code } = await run('vitest', ['run', ...reporters, ...args], { cwd: ROOT })
    const counts = readCounts(reportPath)
    // A file that does not load, or an error outside any test, fails the run but no test in it.
    if (code !== 0 && counts.failed === 0) counts.failed = 1
    report('tests', code === 0, startedAtMs)
    return counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readCounts(path) {
  try {
    const json = JSON.parse(readFileSync(path, 'utf8'))
    return {
      passed: json.numPassedTests,
      failed: json.numFailedTests,
      skipped: json.numPendingTests + json.numTodoTests,
    }
  } catch {
    console.log('vitest ended without a report')
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

function report(name, isOk, startedAtMs) {
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  console.log(`${isOk ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
}
