/** The hub: a Node peer with listeners and a store on disk. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { sqliteStorage } from '@fieldmesh/core/storage/sqlite'
import { tcp } from '@fieldmesh/transport-node'
import { websocket } from '@fieldmesh/transport-websocket'
import type { HubOptions } from './hub-options.ts'

export interface Hub {
  readonly mesh: Mesh
  /** Port that the WebSocket listener is bound to. */
  readonly port: number
  /** Port that the TCP listener is bound to, if there is one. */
  readonly tcpPort: number | undefined
}

/** Opens the store, joins the mesh and listens; rejects when it cannot listen as it was told. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { app, secret, host, port, tcpPort, storePath, name, peers } = options
  const isTcp = (peer: string) => peer.startsWith('tcp:')
  const webSockets = websocket({
    listen: { host, port },
    urls: peers.filter((peer) => !isTcp(peer)),
  })
  const sockets = tcp({
    ...(tcpPort === undefined ? {} : { listen: { host, port: tcpPort } }),
    addresses: peers.filter(isTcp),
  })
  const mesh = await openMesh({
    app,
    secret,
    name,
    metadata: { role: 'hub' },
    storage: sqliteStorage({ path: storePath }),
    transports: [webSockets, sockets],
  })
  const { listening } = webSockets
  if (listening === undefined || (tcpPort !== undefined && sockets.listening === undefined)) {
    // The mesh goes on without a transport that fails; a hub without its listener is of no use.
    let reason = 'a listener has no port'
    mesh.onProblem(({ message }) => (reason = message)).stop()
    await mesh.close()
    throw new Error(reason)
  }
  return { mesh, port: listening.port, tcpPort: sockets.listening?.port }
}
