/** Waiting for a peer to come into reach. */

import type { Mesh } from '@fieldmesh/core'

/** Resolves when that peer is so many hops away. */
export async function untilReached(mesh: Mesh, peer: string, hops: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const observation = mesh.presence.observe(({ peers }) => {
      if (!peers.some((known) => known.peer === peer && known.hopCount === hops)) return
      resolve()
      queueMicrotask(() => observation.stop())
    })
  })
}
