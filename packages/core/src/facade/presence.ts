/** Presence: every peer and every connection that this peer knows of. */

import type { PresenceGraph } from '../engine/mesh/presence-graph.ts'
import type { Observation } from './observation.ts'

export interface Presence {
  /** The graph as last heard of; of this peer alone until the engine has said more. */
  graph(): PresenceGraph
  /** Calls with the graph of now at once, then with each new one. */
  observe(observer: (graph: PresenceGraph) => void): Observation
}
