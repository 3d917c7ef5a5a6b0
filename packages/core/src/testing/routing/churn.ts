/** What happens to a mesh of routers: a random mesh joins, links come and go, a peer dies. */

import { LinkChurn } from '../sim/mesh/link-churn.ts'
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
  const links = new LinkChurn({
    edges,
    dice,
    goes: (edge) => mesh.unlink(...edge),
    comesBack: (edge) => mesh.link(...edge, drawLink(dice)),
  })
  for (let atMs = fromMs; atMs < untilMs; atMs += intervalMs) mesh.at(atMs, () => links.step())
}

/** Peers that still have a route to this one. */
export function believers(mesh: ModelMesh, index: number): number {
  let count = 0
  for (let from = 0; from < mesh.peerCount; from += 1) {
    if (from !== index && mesh.router(from).route(modelPeerId(index)) !== undefined) count += 1
  }
  return count
}
