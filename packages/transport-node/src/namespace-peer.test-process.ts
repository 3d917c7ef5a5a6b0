/**
 * A peer in a process of its own, for tests that put it into a network namespace. Says on its
 * standard output, a line of JSON each, what happens; writes a document when a line comes in, and ends with
 * its standard input.
 */

import { createInterface } from 'node:readline'
import { openMesh } from '@fieldmesh/core'
import { udp } from './index.ts'
import type { UdpOptions } from './index.ts'

const [name = '', optionsText = '{}'] = process.argv.slice(2)
const transport = udp(JSON.parse(optionsText) as UdpOptions)
const start = transport.start.bind(transport)
transport.start = (host) =>
  start({
    localPeer: host.localPeer,
    accepted: (channel) => {
      host.accepted(channel)
    },
    sendSignal: () => undefined,
    addressFound: (address) => {
      say({ found: address })
      host.addressFound(address)
    },
    addressLost: (address) => {
      say({ lost: address })
      host.addressLost(address)
    },
  })

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const mesh = await openMesh({
  app: 'namespaces',
  secret: 'ab'.repeat(32),
  name,
  transports: [transport],
})
say({ peer: mesh.peer, port: transport.listening[0]?.port, interfaces: transport.interfaces })
mesh.presence.observe(({ peers }) => {
  say({ peers: peers.map((peer) => peer.name).toSorted() })
})
mesh
  .collection<{ _id: string }>('orders')
  .find()
  .observe(({ rows }) => {
    say({ orders: rows.map(({ _id }) => _id).toSorted() })
  })
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'interfaces') say({ interfaces: transport.interfaces })
  else await mesh.collection<{ _id: string }>('orders').insert({ _id: line })
}
await mesh.close()
say({ closed: true })
