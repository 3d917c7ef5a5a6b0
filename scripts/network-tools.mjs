// Avahi, beside which discovery on the LAN is tested: installed where that takes no questions.

import { hasCommand, run, runsAsRoot } from './process.mjs'

const PACKAGES = ['avahi-daemon', 'avahi-utils', 'dbus']

/**
 * Installs Avahi's programs with apt, if they are not here and this runs as root. Where it cannot, the
 * tests that need them are skipped; a sentence says so.
 */
export async function offerAvahi() {
  if (process.platform !== 'linux' || hasCommand('avahi-browse')) return
  if (!runsAsRoot() || !hasCommand('apt-get')) {
    console.log('setup: without avahi-daemon and avahi-utils the tests beside Avahi are skipped')
    return
  }
  console.log('setup: installing Avahi with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env, quiet: true })
  const args = ['install', '-y', '--no-install-recommends', ...PACKAGES]
  const { code, output } = await run('apt-get', args, { env, quiet: true })
  if (code !== 0) console.log(`setup: Avahi was not installed:\n${output.trim()}`)
}
