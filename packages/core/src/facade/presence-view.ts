/** The presence of a mesh, as last told by its engine. */

import type { PresenceGraph } from '../engine/mesh/presence-graph.ts'
import type { Observation } from './observation.ts'
import { callObserver } from './observers.ts'
import type { Presence } from './presence.ts'

/** See `Presence`. */
export class PresenceView implements Presence {
  #graph: PresenceGraph
  readonly #observers = new Set<{ readonly observer: (graph: PresenceGraph) => void }>()

  constructor(first: PresenceGraph) {
    this.#graph = first
  }

  graph(): PresenceGraph {
    return this.#graph
  }

  observe(observer: (graph: PresenceGraph) => void): Observation {
    const entry = { observer }
    this.#observers.add(entry)
    callObserver(observer, this.#graph)
    return { stop: () => this.#observers.delete(entry) }
  }

  set(graph: PresenceGraph): void {
    this.#graph = graph
    for (const { observer } of this.#observers) callObserver(observer, graph)
  }

  clear(): void {
    this.#observers.clear()
  }
}
