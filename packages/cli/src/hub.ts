/** The hub: a Node peer with listeners and a store on disk. */

import { openMesh, type Mesh } from '@fieldmesh/core'
import { sqliteStorage } from '@fieldmesh/core/storage/sqlite'
import { tcp, udp } from '@fieldmesh/transport-node'
import { webrtcDirect } from '@fieldmesh/transport-webrtc'
import { websocket } from '@fieldmesh/transport-websocket'
import { everyInterface, type HubOptions } from './hub-options.ts'

export interface Hub {
  readonly mesh: Mesh
  /** Port that the WebSocket listener is bound to. */
  readonly port: number
  /** Port that the TCP listener is bound to, if there is one. */
  readonly tcpPort: number | undefined
  /** The same for UDP. */
  readonly udpPort: number | undefined
  /** Addresses by which pages dial directly, if they may. */
  readonly directAddresses: readonly string[]
}

/** Opens the store, joins the mesh and listens; rejects when it cannot listen as it was told. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { app, secret, host, port, tcpPort, udpPort, storePath, name, peers } = options
  const peersOf = (...schemes: readonly string[]) =>
    peers.filter((peer) => schemes.some((scheme) => peer.startsWith(`${scheme}:`)))
  const webSockets = websocket({ listen: { host, port }, urls: peersOf('ws', 'wss') })
  const sockets = tcp({
    ...(tcpPort === undefined ? {} : { listen: { host, port: tcpPort } }),
    addresses: peersOf('tcp'),
  })
  const datagrams = udp({
    ...(udpPort !== undefined &&
      (host === everyInterface
        ? { listen: { port: udpPort }, discovery: { app } }
        : { listen: { port: udpPort, host } })),
    addresses: peersOf('udp'),
  })
  const direct = makeDirect(options, peersOf('webrtc-direct'))
  const mesh = await openMesh({
    app,
    secret,
    name,
    metadata: { role: 'hub' },
    storage: sqliteStorage({ path: storePath }),
    transports: [webSockets, sockets, datagrams, ...(direct ? [direct] : [])],
  })
  const { listening } = webSockets
  const directAddresses = direct?.listening ?? []
  const lacksTcp = tcpPort !== undefined && sockets.listening === undefined
  const lacksUdp = udpPort !== undefined && datagrams.listening.length === 0
  const lacksDirect = options.directPort !== undefined && directAddresses.length === 0
  if (listening === undefined || lacksTcp || lacksUdp || lacksDirect) {
    // The mesh goes on without a transport that fails; a hub without its listener is of no use.
    let reason = 'a listener has no port'
    mesh.onProblem(({ message }) => (reason = message)).stop()
    await mesh.close()
    throw new Error(reason)
  }
  return {
    mesh,
    port: listening.port,
    tcpPort: sockets.listening?.port,
    udpPort: datagrams.listening[0]?.port,
    directAddresses,
  }
}

/** The transport of direct dialling, where it is asked for. */
function makeDirect(
  { directPort, certificatePath, host }: HubOptions,
  addresses: readonly string[],
): ReturnType<typeof webrtcDirect> | undefined {
  if (directPort === undefined && addresses.length === 0) return undefined
  return webrtcDirect({
    addresses,
    ...(directPort !== undefined && {
      listen: { host, port: directPort, certificate: certificatePath },
    }),
  })
}
