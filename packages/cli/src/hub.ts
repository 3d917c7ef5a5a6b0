/** The hub: a Node peer with a WebSocket listener and a store on disk. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { sqliteStorage } from '@fieldmesh/core/storage/sqlite'
import { websocket } from '@fieldmesh/transport-websocket'
import type { HubOptions } from './hub-options.ts'

export interface Hub {
  readonly mesh: Mesh
  /** Port that the listener is bound to. */
  readonly port: number
}

/** Opens the store, joins the mesh and listens. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { app, secret, host, port, storePath, name, peers } = options
  const transport = websocket({ listen: { host, port }, urls: peers })
  const mesh = await openMesh({
    app,
    secret,
    name,
    metadata: { role: 'hub' },
    storage: sqliteStorage({ path: storePath }),
    transports: [transport],
  })
  const bound = transport.listening?.port
  if (bound === undefined) {
    // The mesh goes on without a transport that fails; a hub without its listener is of no use.
    let reason = 'the listener has no port'
    mesh.onProblem(({ message }) => (reason = message)).stop()
    await mesh.close()
    throw new Error(reason)
  }
  return { mesh, port: bound }
}
