// Programs of Debian with which discovery and healing on a LAN are tested: Avahi, rules that lose
// packets, rates of interfaces. Installed where that takes no questions.

import { hasCommand, run, runsAsRoot } from './process.mjs'

const COMMANDS = ['avahi-browse', 'nft', 'tc', 'ip']
const PACKAGES = ['avahi-daemon', 'avahi-utils', 'dbus', 'nftables', 'iproute2']

/**
 * Installs the programs with apt, if one is missing and this runs as root. Where it cannot, the tests
 * that need them are skipped; a sentence says so.
 */
export async function offerNetworkTools() {
  if (process.platform !== 'linux' || COMMANDS.every((command) => hasCommand(command))) return
  if (!runsAsRoot() || !hasCommand('apt-get')) {
    console.log(`setup: without ${PACKAGES.join(', ')} some tests of the network are skipped`)
    return
  }
  console.log(`setup: installing ${PACKAGES.join(', ')} with apt-get`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env, quiet: true })
  const args = ['install', '-y', '--no-install-recommends', ...PACKAGES]
  const { code, output } = await run('apt-get', args, { env, quiet: true })
  if (code !== 0) console.log(`setup: they were not installed:\n${output.trim()}`)
}
