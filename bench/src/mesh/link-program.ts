/** A peer of a line, in a process of its own: dials the address that it is given, if any, and listens. */

import { openMesh } from '@fieldmesh/core'
import { tcp } from '@fieldmesh/transport-node'
import { serveTraffic } from '../transfer/mesh-traffic.ts'
import { meshOptions, type Receiver } from '../transfer/receiver.ts'

// Whoever started this program ends it by letting go.
process.once('disconnect', () => process.exit())
const transport = tcp({
  listen: { host: '127.0.0.1', port: 0 },
  addresses: process.argv.slice(2),
})
const mesh = await openMesh({ ...meshOptions(), transports: [transport] })
serveTraffic(mesh)
const receiver: Receiver = { port: transport.listening?.port ?? 0, peer: mesh.peer }
process.send?.(receiver)
