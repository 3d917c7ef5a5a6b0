// The tools below everything else: a Node that runs TypeScript, the pinned pnpm, the installed
// packages. Each is put in place only when it is missing, in the project's own .cache folder or
// node_modules, never in the system. Runs on Node 20, without dependencies.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, StepError } from './process.mjs'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

const TOOLCHAIN = join(ROOT, '.cache', 'toolchain')
const TOOLCHAIN_BIN = join(TOOLCHAIN, 'node_modules', '.bin')

// node:sqlite is there without a flag from 22.13 on, type stripping from 22.18 on.
const NODE_OLDEST = [22, 18]
const NODE_TO_GET = '24'

// Set in the process that was started again, so that a Node that is still too old ends the script
// instead of starting it for ever.
const RESTARTED = 'FIELDMESH_NODE_RESTARTED'

/**
 * Resolves when this process runs on a new enough Node with the pinned pnpm on PATH and the
 * packages installed. On an older Node the whole script is run again by a newer one, and this
 * process ends with that one's exit code.
 */
export async function ensureToolchain() {
  await ensureNode()
  await ensurePnpm()
  await ensurePackages()
  putFirstOnPath(join(ROOT, 'node_modules', '.bin'))
}

async function ensureNode() {
  if (isNewEnough(process.version)) return
  if (process.env[RESTARTED]) {
    throw new StepError(
      `Node ${process.version} is too old and ${TOOLCHAIN} holds no newer one. ` +
        `Delete that folder and try again, or install Node ${NODE_TO_GET}.`,
    )
  }
  if (!existsSync(join(TOOLCHAIN_BIN, 'node'))) {
    await install(
      `node@${NODE_TO_GET}`,
      `Node ${process.version} is older than ${NODE_OLDEST.join('.')}`,
    )
  }
  putFirstOnPath(TOOLCHAIN_BIN)
  process.env[RESTARTED] = '1'
  const { code } = await run(join(TOOLCHAIN_BIN, 'node'), process.argv.slice(1))
  process.exit(code)
}

async function ensurePnpm() {
  const version = pinnedPnpm()
  if ((await versionOf('pnpm')) === version) return
  if ((await versionOf(join(TOOLCHAIN_BIN, 'pnpm'))) !== version) {
    await install(`pnpm@${version}`, `pnpm ${version} is not on PATH`)
  }
  putFirstOnPath(TOOLCHAIN_BIN)
}

async function ensurePackages() {
  if (packagesAreInstalled()) return
  console.log('setup: installing packages with pnpm')
  const { code, output } = await run('pnpm', ['install', '--frozen-lockfile'], {
    cwd: ROOT,
    quiet: true,
    // Without a terminal pnpm asks nothing: it removes a node_modules that does not fit.
    env: { ...process.env, CI: 'true' },
  })
  if (code !== 0) {
    throw new StepError(
      `pnpm install --frozen-lockfile failed:\n${output.trim()}\n` +
        'If the lockfile is out of date, run `pnpm install` and commit pnpm-lock.yaml; ' +
        'if the registry cannot be reached, try again with a connection.',
    )
  }
}

// pnpm writes .modules.yaml at the end of each installation.
function packagesAreInstalled() {
  const installedAtMs = modifiedAtMs(join(ROOT, 'node_modules', '.modules.yaml'))
  return ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'].every(
    (name) => modifiedAtMs(join(ROOT, name)) <= installedAtMs,
  )
}

function modifiedAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1
}

function isNewEnough(version) {
  const [major, minor] = version.slice(1).split('.').map(Number)
  return major > NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor >= NODE_OLDEST[1])
}

function pinnedPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return packageManager.replace('pnpm@', '')
}

async function versionOf(command) {
  const { code, output } = await run(command, ['--version'], { cwd: ROOT, quiet: true })
  return code === 0 ? output.trim().split('\n').at(-1) : undefined
}

async function install(specifier, reason) {
  console.log(`setup: getting ${specifier} into .cache/toolchain (${reason})`)
  const args = ['install', '--prefix', TOOLCHAIN, '--no-audit', '--no-fund', '--loglevel=error']
  // Both packages carry their program for this platform by an install script.
  args.push('--ignore-scripts=false', specifier)
  const { code, output } = await run('npm', args, { quiet: true })
  if (code !== 0) {
    throw new StepError(
      `npm could not get ${specifier}:\n${output.trim()}\n` +
        'Connect to the npm registry and try again, or install it yourself and put it on PATH.',
    )
  }
}

function putFirstOnPath(directory) {
  const rest = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== directory)
  process.env.PATH = [directory, ...rest].join(delimiter)
}
