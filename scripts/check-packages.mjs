// Packs every published package as it would be published, and looks at the result: whether exports
// map, types and files fit together (publint, attw), and whether the tarball holds what it should.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, runMain, StepError } from './process.mjs'
import { packPackage, publishedPackages } from './published-packages.mjs'
import { ROOT } from './toolchain.mjs'

const NEEDED = ['LICENSE', 'README.md', 'package.json']

// What only tests read, beside sources and what tsc makes of them, whose maps name the sources.
const TESTS_ONLY =
  /\.(test|test-page|test-process|test-setup|golden)\.|\/golden\/|sealed-realm-entry/
const PUBLISHED = /^(dist\/.*\.(js|d\.ts)(\.map)?|src\/.*\.ts)$/

await runMain(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldmesh-packages-'))
  try {
    const problems = await Promise.all(
      publishedPackages().map((published) => problemsOf(published, folder)),
    )
    for (const problem of problems.flat()) console.log(problem)
    return problems.flat().length > 0 ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

async function problemsOf(published, folder) {
  const { manifest } = published
  const tarball = await packPackage(published, folder)
  const problems = await problemsOfFiles(tarball)

  const tools = [['publint', 'run', tarball, '--strict']]
  // A package with nothing but a program has no types to resolve.
  if (manifest.exports['.']) tools.push(['attw', tarball, '--profile', 'esm-only', '--no-emoji'])
  for (const [command, ...args] of tools) {
    const { code, output } = await run(command, args, { cwd: ROOT, quiet: true })
    if (code !== 0) problems.push(`${command} found:\n${output.trim()}`)
  }
  return problems.map((problem) => `${manifest.name}: ${problem}`)
}

async function problemsOfFiles(tarball) {
  const { code, output } = await run('tar', ['-tzf', tarball], { quiet: true })
  if (code !== 0) throw new StepError(`tar cannot read ${tarball}:\n${output}`)
  const files = output
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  const missing = NEEDED.filter((path) => !files.includes(path))
  const surplus = files.filter(
    (path) => TESTS_ONLY.test(path) || !(PUBLISHED.test(path) || NEEDED.includes(path)),
  )
  return [
    ...missing.map((path) => `the tarball lacks ${path}`),
    ...surplus.map((path) => `the tarball holds ${path}`),
  ]
}
