/**
 * What the routers of a simulated mesh have chosen, as their engines record it. At each change of a next
 * hop the path from there is followed: it must never come back to itself.
 */

import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { Recorder } from '../../../recorder/recorder.ts'
import { tappedRecorder } from '../invariants/tapped-recorder.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'
import { followNextHops } from './next-hops.ts'
import type { MeshView } from './reach.ts'

/** What one peer believes. */
interface PeerView {
  readonly neighbours: Set<PeerId>
  /** By destination. */
  readonly nextHops: Map<PeerId, PeerId>
}

/** See the file header. */
export class MeshWatch implements Watch, MeshView<PeerId> {
  nextHopChanges = 0
  loopCount = 0
  readonly #world: World
  readonly #views = new Map<PeerId, PeerView>()

  constructor(world: World) {
    this.#world = world
  }

  tap(peer: SimulatedPeer, _epoch: number, recorder: Recorder): Recorder {
    const view: PeerView = { neighbours: new Set(), nextHops: new Map() }
    this.#views.set(peer.id, view)
    return tappedRecorder(recorder, (event, values) => {
      const [about, via] = values as readonly PeerId[]
      if (event === 'mesh.neighbourUp') view.neighbours.add(about!)
      else if (event === 'mesh.neighbourDown') view.neighbours.delete(about!)
      else if (event === 'mesh.routeLost') this.#chosen(peer.id, view, about!, undefined)
      else if (event === 'mesh.routeSelected') this.#chosen(peer.id, view, about!, via)
    })
  }

  ends(peer: SimulatedPeer): void {
    this.#views.delete(peer.id)
  }

  stepped(): void {}

  stops(): void {}

  /** Peers that have a next hop towards this one. */
  believersIn(peer: PeerId): number {
    let count = 0
    for (const { nextHops } of this.#views.values()) if (nextHops.has(peer)) count += 1
    return count
  }

  peers(): Iterable<PeerId> {
    return this.#views.keys()
  }

  neighbours(peer: PeerId): Iterable<PeerId> {
    const neighbours = [...(this.#views.get(peer)?.neighbours ?? [])]
    return neighbours.filter((other) => this.#views.get(other)?.neighbours.has(peer))
  }

  nextHop(at: PeerId, destination: PeerId): PeerId | undefined {
    return this.#views.get(at)?.nextHops.get(destination)
  }

  #chosen(peer: PeerId, view: PeerView, destination: PeerId, via: PeerId | undefined): void {
    if (view.nextHops.get(destination) === via) return
    this.nextHopChanges += 1
    if (via === undefined) {
      view.nextHops.delete(destination)
      return
    }
    view.nextHops.set(destination, via)
    this.#follow(peer, destination)
  }

  #follow(start: PeerId, destination: PeerId): void {
    const { path, end } = followNextHops(start, destination, (at) => this.nextHop(at, destination))
    if (end !== 'circle') return
    this.loopCount += 1
    this.#world.violated('loop', `towards ${destination}: ${path.join(' to ')}`)
  }
}
