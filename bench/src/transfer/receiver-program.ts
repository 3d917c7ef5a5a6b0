/** The receiving end of the TCP contest, in a process of its own: `mesh`, `tls` or `net`. */

import {
  createServer as createNetServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { openMesh } from '@fieldmesh/core'
import { tcp } from '@fieldmesh/transport-node'
import { serveTraffic } from './mesh-traffic.ts'
import { serveRaw } from './raw-traffic.ts'
import { meshOptions, tlsOptions, type Receiver } from './receiver.ts'
import { socketChannel } from './socket-channel.ts'

// Whoever started this program ends it by letting go.
process.once('disconnect', () => process.exit())
process.send?.(await start(process.argv[2]))

async function start(kind: string | undefined): Promise<Receiver> {
  if (kind === 'mesh') {
    const transport = tcp({ listen: { host: '127.0.0.1', port: 0 } })
    const mesh = await openMesh({ ...meshOptions(), transports: [transport] })
    serveTraffic(mesh)
    return { port: transport.listening?.port ?? 0, peer: mesh.peer }
  }
  const serve = (socket: Socket) => {
    socket.setNoDelay(true)
    serveRaw(socketChannel(socket))
  }
  const server = kind === 'tls' ? createTlsServer(tlsOptions.server, serve) : createNetServer(serve)
  return { port: await listen(server), peer: '' }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
