/** What happens to a mesh of routers: a random mesh joins, links come and go, a peer dies. */

import type { Edge } from '../sim/mesh/mesh-topology.ts'
import type { Dice } from '../sim/world/dice.ts'
import { modelPeerId, type ModelLink, type ModelMesh } from './model-mesh.ts'

/** Links of a LAN and of the internet, with delays of 1 to 40 ms. */
export function drawLink(dice: Dice): ModelLink {
  const delayMs = dice.magnitude(1, 40)
  const metric = Math.max(16, 4 * delayMs + dice.integer(4, 40))
  return { delayMs, quality: { metric, sizeClass: 2, bytesPerSecond: 1_000_000 } }
}

/** At each interval a link goes, or one that went comes back. At most a tenth of them is away. */
export function churn(
  mesh: ModelMesh,
  dice: Dice,
  edges: readonly Edge[],
  { fromMs, untilMs, intervalMs }: { fromMs: number; untilMs: number; intervalMs: number },
): void {
  const away: Edge[] = []
  const awayMax = Math.max(1, Math.floor(edges.length / 10))
  for (let atMs = fromMs; atMs < untilMs; atMs += intervalMs) {
    mesh.at(atMs, () => {
      if (away.length >= awayMax || (away.length > 0 && dice.chance(0.5))) {
        const [edge] = away.splice(dice.integer(0, away.length - 1), 1)
        if (edge !== undefined) mesh.link(...edge, drawLink(dice))
        return
      }
      const edge = edges[dice.integer(0, edges.length - 1)]!
      if (!mesh.isLinked(...edge)) return
      mesh.unlink(...edge)
      away.push(edge)
    })
  }
}

/** Pairs of peers that links join, and how many of these a packet would reach at this moment. */
export function reach(mesh: ModelMesh): { connected: number; delivered: number } {
  let connected = 0
  let delivered = 0
  for (let from = 0; from < mesh.peerCount; from += 1) {
    for (const to of mesh.connected(from)) {
      if (to === from) continue
      connected += 1
      if (mesh.delivers(from, to)) delivered += 1
    }
  }
  return { connected, delivered }
}

/** Peers that still have a route to this one. */
export function believers(mesh: ModelMesh, index: number): number {
  let count = 0
  for (let from = 0; from < mesh.peerCount; from += 1) {
    if (from !== index && mesh.router(from).route(modelPeerId(index)) !== undefined) count += 1
  }
  return count
}
