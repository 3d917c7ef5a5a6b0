/** Who is linked with whom in a simulated world, and how often that changed: as engines record it. */

import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { Recorder } from '../../../recorder/recorder.ts'
import { tappedRecorder } from '../invariants/tapped-recorder.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'

/** Something that one peer's engine recorded. */
export interface RecordedEvent {
  readonly atMs: number
  readonly peer: string
  readonly event: string
  readonly values: readonly (string | number | undefined)[]
}

/** See the file header. */
export class LinkWatch implements Watch {
  readonly #world: World
  readonly #neighbours = new Map<PeerId, Set<PeerId>>()
  readonly #kept: ReadonlySet<string>
  /** Events of the kinds that were asked for. */
  readonly events: RecordedEvent[] = []
  /** Links that came or went, each end counted. */
  changeCount = 0

  constructor(world: World, kept: readonly string[] = []) {
    this.#world = world
    this.#kept = new Set(kept)
  }

  tap(peer: SimulatedPeer, _epoch: number, recorder: Recorder): Recorder {
    const neighbours = new Set<PeerId>()
    this.#neighbours.set(peer.id, neighbours)
    return tappedRecorder(recorder, (event, values) => {
      if (event === 'mesh.neighbourUp') neighbours.add(values[0] as PeerId)
      if (event === 'mesh.neighbourDown') neighbours.delete(values[0] as PeerId)
      if (event === 'mesh.neighbourUp' || event === 'mesh.neighbourDown') this.changeCount += 1
      if (!this.#kept.has(event)) return
      this.events.push({
        atMs: this.#world.nowMs,
        peer: peer.plan.name,
        event,
        values: [...values],
      })
    })
  }

  ends(peer: SimulatedPeer): void {
    this.#neighbours.delete(peer.id)
  }

  stepped(): void {}

  stops(): void {}

  degree(peer: SimulatedPeer): number {
    return this.#neighbours.get(peer.id)?.size ?? 0
  }

  areLinked(one: SimulatedPeer, other: SimulatedPeer): boolean {
    const isKnown = this.#neighbours.get(one.id)?.has(other.id) ?? false
    return isKnown && (this.#neighbours.get(other.id)?.has(one.id) ?? false)
  }

  /** Links on the longest of the shortest paths between these, over these; infinite between islands. */
  diameter(peers: readonly SimulatedPeer[]): number {
    let diameter = 0
    for (const start of peers) {
      const distances = new Map([[start, 0]])
      for (const [peer, distance] of distances) {
        diameter = Math.max(diameter, distance)
        for (const other of peers) {
          if (!distances.has(other) && this.areLinked(peer, other))
            distances.set(other, distance + 1)
        }
      }
      if (distances.size < peers.length) return Number.POSITIVE_INFINITY
    }
    return diameter
  }
}
