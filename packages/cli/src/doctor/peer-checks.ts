/** Checks of peers by address: whether they are reached, and if not, why. */

import { openMesh } from '@fieldmesh/core'
import { tcp, udp } from '@fieldmesh/transport-node'
import { websocket } from '@fieldmesh/transport-websocket'
import type { Check } from './check.ts'
import { linked } from './network-checks.ts'

/** What the peers are asked with. */
export interface PeerCheckOptions {
  readonly app: string
  /** 64 hexadecimal digits. */
  readonly secret: string
  readonly patienceMs: number
}

/** Joins the mesh as one more peer, over that address alone. */
export async function checkPeer(address: string, options: PeerCheckOptions): Promise<Check> {
  const { app, secret, patienceMs } = options
  const name = address
  const transport = address.startsWith('tcp:')
    ? tcp({ addresses: [address] })
    : address.startsWith('udp:')
      ? udp({ addresses: [address] })
      : websocket({ urls: [address] })
  const mesh = await openMesh({ app, secret, name: 'doctor', transports: [transport] })
  try {
    const beganAtMs = performance.now()
    if (await linked(mesh, 1, patienceMs)) {
      const tookMs = Math.round(performance.now() - beganAtMs)
      const other = mesh.presence.graph().peers.find(({ hopCount }) => hopCount === 1)
      const who = other?.name || other?.peer || ''
      return { name, status: 'ok', message: `Reached ${who} within ${tookMs} ms.` }
    }
    const { findings } = await mesh.diagnose()
    const [found] = findings
    if (!found) {
      const remedy = 'See that a peer listens at that address; ask it longer with --seconds.'
      return { name, status: 'failed', message: `No answer within ${patienceMs} ms.`, remedy }
    }
    const { code, message, remedy } = found
    return { name, status: 'failed', message, remedy, code }
  } finally {
    await mesh.close()
  }
}
