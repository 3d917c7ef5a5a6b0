/**
 * A peer in a process of its own, for tests that put it into a network namespace. Says on its
 * standard output, a line of JSON each, what happens. Ends with its standard input, whose lines are
 * orders: `interfaces` says them, `ping NAME` sends a byte to that peer over and over, as soon as it has the
 * answer to the one before; any other line is the id of a document to write.
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
    networkChanged: () => {
      host.networkChanged()
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
mesh.presence.observe(({ local, peers, connections }) => {
  const names = new Map(peers.map((peer) => [peer.peer, peer.name]))
  const linked = connections.filter(({ from }) => from === local).map(({ to }) => names.get(to))
  const hops = Object.fromEntries(peers.map((peer) => [peer.name, peer.hopCount]))
  say({ peers: [...names.values()].toSorted(), linked, hops })
})
mesh.acceptStreams('ping', ({ readable, writable }) => {
  // Breaks when the mesh of the other end closes.
  readable.pipeTo(writable).catch(() => undefined)
})
mesh
  .collection<{ _id: string }>('orders')
  .find()
  .observe(({ rows }) => {
    say({ orders: rows.map(({ _id }) => _id).toSorted() })
  })
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'interfaces') say({ interfaces: transport.interfaces })
  else if (line.startsWith('ping ')) void ping(line.slice('ping '.length)).catch(() => undefined)
  else await mesh.collection<{ _id: string }>('orders').insert({ _id: line })
}
await mesh.close()
say({ closed: true })

/** Until the mesh is closed, which rejects. */
async function ping(to: string): Promise<void> {
  const peer = mesh.presence.graph().peers.find((known) => known.name === to)?.peer ?? ''
  const { readable, writable } = await mesh.openStream(peer, {
    protocol: 'ping',
    priority: 'interactive',
  })
  const [reader, writer] = [readable.getReader(), writable.getWriter()]
  for (let answered = 1; ; answered += 1) {
    await writer.write(new Uint8Array(1))
    await reader.read()
    say({ answered })
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
