// Packs every published package as it would be published, and has publint and attw look at the
// result: whether the exports map, the types and the files in the tarball fit together.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, runMain, StepError } from './process.mjs'
import { ROOT } from './toolchain.mjs'

const PACKAGES = join(ROOT, 'packages')

await runMain(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldmesh-packages-'))
  try {
    const names = readdirSync(PACKAGES).filter((name) => !isPrivate(name))
    const problems = await Promise.all(names.map((name) => problemsOf(name, folder)))
    for (const problem of problems.flat()) console.log(problem)
    return problems.flat().length > 0 ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

async function problemsOf(name, folder) {
  const manifest = readManifest(name)
  const tarball = join(folder, `${name}.tgz`)
  const packed = await run('pnpm', ['pack', '--out', tarball], {
    cwd: join(PACKAGES, name),
    quiet: true,
  })
  if (packed.code !== 0) throw new StepError(`pnpm pack failed in ${name}:\n${packed.output}`)

  const tools = [['publint', 'run', tarball, '--strict']]
  // A package with nothing but a program has no types to resolve.
  if (manifest.exports['.']) tools.push(['attw', tarball, '--profile', 'esm-only', '--no-emoji'])
  const problems = []
  for (const [command, ...args] of tools) {
    const { code, output } = await run(command, args, { cwd: ROOT, quiet: true })
    if (code !== 0) problems.push(`${manifest.name}: ${command} found:\n${output.trim()}`)
  }
  return problems
}

function isPrivate(name) {
  return readManifest(name).private === true
}

function readManifest(name) {
  return JSON.parse(readFileSync(join(PACKAGES, name, 'package.json'), 'utf8'))
}
