/** `fieldmesh doctor`: looks at this machine, and says what works and what does not. */

import { udp } from '@fieldmesh/transport-node'
import type { Check } from './check.ts'
import { doctorUsage, parseDoctorOptions, type DoctorOptions } from './doctor-options.ts'
import { checkClock, checkNode, checkStore } from './machine-checks.ts'
import { checkDiscovery, checkInterfaces } from './network-checks.ts'
import { checkPeer } from './peer-checks.ts'

/** Returns the exit status: 1 when a check failed. */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const options = parseDoctorOptions(args, process.env)
  if (options === 'help') {
    console.log(doctorUsage)
    return 0
  }
  let isWell = true
  for await (const check of checks(options)) {
    if (check.status === 'failed') isWell = false
    console.log(options.isJson ? JSON.stringify(check) : linesOf(check))
  }
  return isWell ? 0 : 1
}

/** One after the other, so that each has the machine for itself. */
async function* checks({ peers, ...options }: DoctorOptions): AsyncGenerator<Check> {
  yield checkNode(process.versions.node)
  yield checkClock(Date.now())
  yield await checkStore()
  yield checkInterfaces(udp({}).interfaces)
  for (const kind of ['mdns', 'multicast'] as const) {
    yield await checkDiscovery(kind, options.patienceMs)
  }
  for (const peer of peers) yield await checkPeer(peer, options)
}

function linesOf({ name, status, message, remedy, code }: Check): string {
  const cause = code === undefined ? '' : `${code}: `
  const lines = [`${status.padEnd(7)}  ${name.padEnd(10)}  ${cause}${message}`]
  if (remedy !== undefined) lines.push(`${' '.repeat(21)}${remedy}`)
  return lines.join('\n')
}
