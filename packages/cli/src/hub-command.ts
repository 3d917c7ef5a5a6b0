/** `fieldmesh hub`: runs a hub until it is told to stop, and says what happens. */

import type { MeshProblem, PresenceGraph } from '@fieldmesh/core'
import { startHub } from './hub.ts'
import { hubUsage, parseHubOptions } from './hub-options.ts'
import { networkAddresses } from './network-addresses.ts'

/** What the hub reports; with `--json` a line each. */
type HubReport =
  | {
      readonly type: 'listening'
      readonly peer: string
      readonly port: number
      readonly tcpPort: number | undefined
      readonly udpPort: number | undefined
      readonly directAddresses: readonly string[]
    }
  | { readonly type: 'peers'; readonly names: readonly string[] }
  | { readonly type: 'problem'; readonly code: string; readonly message: string }
  | { readonly type: 'stopped' }

/** Runs until SIGINT, SIGTERM or a fatal problem; returns the exit status. */
export async function hubCommand(args: readonly string[]): Promise<number> {
  const options = parseHubOptions(args, process.env)
  if (options === 'help') {
    console.log(hubUsage)
    return 0
  }
  const report = options.isJson
    ? (event: HubReport) => console.log(JSON.stringify(event))
    : (event: HubReport) => console.log(sentenceOf(event))

  const { mesh, ...listening } = await startHub(options)
  report({ type: 'listening', peer: mesh.peer, ...listening })
  mesh.onProblem(({ code, message }) => report({ type: 'problem', code, message }))
  reportPeers(mesh.presence.observe.bind(mesh.presence), report)

  const stop = () => void mesh.close()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const problem: MeshProblem | undefined = await mesh.ended
  process.off('SIGINT', stop)
  process.off('SIGTERM', stop)
  await mesh.close()
  report({ type: 'stopped' })
  return problem === undefined ? 0 : 1
}

/** Reports the names of the reachable peers whenever they change. */
function reportPeers(
  observe: (observer: (graph: PresenceGraph) => void) => unknown,
  report: (event: HubReport) => void,
): void {
  let known = ''
  observe(({ local, peers }) => {
    const names = peers
      .filter(({ peer, hopCount }) => peer !== local && hopCount !== undefined)
      .map(({ peer, name }) => name || peer)
    const line = names.join(', ')
    if (line === known) return
    known = line
    report({ type: 'peers', names })
  })
}

function sentenceOf(event: HubReport): string {
  switch (event.type) {
    case 'listening': {
      const addresses = ['localhost', ...networkAddresses()]
      const urls = addresses.map((address) => `ws://${address}:${event.port}`)
      if (event.tcpPort !== undefined) urls.push(`tcp port ${event.tcpPort}`)
      if (event.udpPort !== undefined) urls.push(`udp port ${event.udpPort}`)
      const direct = event.directAddresses.map((address) => `\npages dial it at ${address}`)
      return `hub ${event.peer} listens on ${urls.join(' and ')}${direct.join('')}`
    }
    case 'peers':
      return event.names.length === 0 ? 'no peers' : `peers: ${event.names.join(', ')}`
    case 'problem':
      return `${event.code}: ${event.message}`
    case 'stopped':
      return 'stopped'
    default:
      return event satisfies never
  }
}
