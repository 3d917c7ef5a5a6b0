/**
 * Packets do not go round in circles: once routes have stood for a while, following the next hops
 * towards a peer never comes back to where it was.
 *
 * A packet goes to the next hop that its holder has selected, so where these do not form a circle no
 * packet visits a peer twice. While routes change, a circle may last as long as news of it travel;
 * the hop limit ends what goes round in it, and a counter shows that it never had to.
 */

import type { PeerId } from '../../../engine/identity/peer-id.ts'
import { followNextHops } from '../mesh/next-hops.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'

/** Longer than it takes to tell of a route that is gone, over the slowest link and a full queue. */
const stableMs = 10_000

/** See the file header. */
export class Loops {
  readonly #world: World
  /** Next hops by destination, of the present boot of each peer. */
  readonly #tables = new Map<PeerId, Map<string, string>>()
  #changedAtMs = 0
  #checkedAtMs = 0

  constructor(world: World) {
    this.#world = world
  }

  booted(peer: SimulatedPeer): void {
    this.#tables.set(peer.id, new Map())
    this.#changedAtMs = this.#world.nowMs
  }

  recorded(peer: SimulatedPeer, event: string, destination: string, via: string): void {
    const table = this.#tables.get(peer.id)
    if (event === 'mesh.routeSelected') table?.set(destination, via)
    else if (event === 'mesh.routeLost') table?.delete(destination)
    else return
    this.#changedAtMs = this.#world.nowMs
  }

  /** Looks when routes have been stable for long enough, and were not looked at since. */
  stepped(): void {
    const stableAtMs = this.#changedAtMs + stableMs
    if (this.#world.nowMs < stableAtMs || this.#checkedAtMs >= stableAtMs) return
    this.#checkedAtMs = this.#world.nowMs
    for (const [start, table] of this.#tables) {
      for (const destination of table.keys()) this.#follow(start, destination)
    }
  }

  #follow(start: PeerId, destination: string): void {
    const { path, end } = followNextHops<string>(start, destination, (at) =>
      this.#tables.get(at as PeerId)?.get(destination),
    )
    if (end !== 'circle') return
    this.#world.violated('loop', `towards ${destination}: ${path.join(' to ')}`)
  }
}
