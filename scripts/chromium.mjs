// Finds a Chromium for the browser tests and benchmarks, and installs one where the system can.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { hasCommand, run, runsAsRoot, StepError } from './process.mjs'

// Debian's /usr/bin/chromium is a shell script that adds flags of its own and hides the browser's
// process id, so the program behind it comes first.
const KNOWN_PATHS = [
  '/usr/lib/chromium/chromium',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const KNOWN_COMMANDS = ['google-chrome', 'google-chrome-stable', 'chrome']

/** The path of a Chromium that is already here, or undefined. Touches nothing. */
export function findChromium() {
  const named = process.env.FIELDMESH_CHROMIUM
  if (named) return named
  const known = KNOWN_PATHS.find((path) => existsSync(path))
  if (known) return known
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const command of KNOWN_COMMANDS) {
      const path = join(directory, command)
      if (existsSync(path)) return path
    }
  }
  return undefined
}

/**
 * Finds Chromium, or installs it with apt, and exports its path as FIELDMESH_CHROMIUM to every
 * process started from here. Throws a StepError with the remedy when it can do neither.
 */
export async function ensureChromium() {
  const path = findChromium() ?? (await installChromium())
  if (!existsSync(path)) {
    throw new StepError(
      `FIELDMESH_CHROMIUM names ${path}, which does not exist. Correct it or unset it.`,
    )
  }
  process.env.FIELDMESH_CHROMIUM = path
  return path
}

async function installChromium() {
  const remedy = 'Install Chromium or Chrome and set FIELDMESH_CHROMIUM to the path of its program.'
  if (process.platform !== 'linux' || !hasCommand('apt-get')) {
    throw new StepError(`No Chromium found, and no apt-get to install one. ${remedy}`)
  }
  const prefix = runsAsRoot() ? [] : ['sudo', '-n']
  if (prefix.length > 0 && !hasCommand('sudo')) {
    throw new StepError(`No Chromium found, and installing one needs root. ${remedy}`)
  }
  console.log('setup: installing Chromium with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const steps = [
    [...prefix, 'apt-get', 'update'],
    [...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', 'chromium'],
  ]
  for (const [command, ...args] of steps) {
    const { code, output } = await run(command, args, { env, quiet: true })
    if (code !== 0) {
      throw new StepError(`${[command, ...args].join(' ')} failed:\n${output.trim()}\n${remedy}`)
    }
  }
  const path = findChromium()
  if (!path) throw new StepError(`apt-get installed chromium, but no program is there. ${remedy}`)
  return path
}
