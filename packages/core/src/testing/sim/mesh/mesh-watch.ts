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

/** What one peer believes. */
interface PeerView {
  readonly neighbours: Set<PeerId>
  /** By destination. */
  readonly nextHops: Map<PeerId, PeerId>
}

/** How many pairs of peers links join, and how many of them a packet would reach at this moment. */
export interface Reach {
  readonly connected: number
  readonly delivered: number
}

/** See the file header. */
export class MeshWatch implements Watch {
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

  reach(): Reach {
    let connected = 0
    let delivered = 0
    for (const component of this.#components()) {
      connected += component.length * (component.length - 1)
      for (const destination of component) delivered += this.#deliveredTo(destination)
    }
    return { connected, delivered }
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
    const visited = new Set<PeerId>()
    let at: PeerId | undefined = start
    while (at !== undefined && at !== destination) {
      if (visited.has(at)) {
        this.loopCount += 1
        const path = [...visited, at].join(' to ')
        this.#world.violated('loop', `towards ${destination}: ${path}`)
        return
      }
      visited.add(at)
      at = this.#views.get(at)?.nextHops.get(destination)
    }
  }

  /** Both ends know of the link. */
  #areLinked(left: PeerId, right: PeerId): boolean {
    const other = this.#views.get(right)
    return other !== undefined && other.neighbours.has(left) && this.#knows(left, right)
  }

  #knows(left: PeerId, right: PeerId): boolean {
    return this.#views.get(left)?.neighbours.has(right) ?? false
  }

  #components(): readonly (readonly PeerId[])[] {
    const components: PeerId[][] = []
    const seen = new Set<PeerId>()
    for (const start of this.#views.keys()) {
      if (seen.has(start)) continue
      const component = new Set([start])
      for (const peer of component) {
        for (const next of this.#views.get(peer)!.neighbours) {
          if (this.#areLinked(peer, next)) component.add(next)
        }
      }
      for (const peer of component) seen.add(peer)
      components.push([...component])
    }
    return components
  }

  /** How many peers have a path to it, over links that are up. */
  #deliveredTo(destination: PeerId): number {
    const arrives = new Map([[destination, true]])
    let count = 0
    for (const start of this.#views.keys()) {
      const path: PeerId[] = []
      let at: PeerId | undefined = start
      while (at !== undefined && !arrives.has(at)) {
        path.push(at)
        // For as long as it is not known better: so a circle ends.
        arrives.set(at, false)
        const next: PeerId | undefined = this.#views.get(at)?.nextHops.get(destination)
        at = next !== undefined && this.#areLinked(at, next) ? next : undefined
      }
      const outcome = at !== undefined && arrives.get(at) === true
      for (const peer of path) arrives.set(peer, outcome)
      if (outcome && start !== destination) count += 1
    }
    return count
  }
}
