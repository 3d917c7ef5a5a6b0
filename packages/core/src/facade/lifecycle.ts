/** The lifecycle: what happens to the machine, the page and the network that a mesh runs on. */

import type { LifecycleChange, LifecycleState } from '../engine/lifecycle-change.ts'
import type { Observation } from './observation.ts'

export interface Lifecycle {
  /** What holds now, as last heard of. */
  state(): LifecycleState
  /** Calls with each transition from now on, in the order in which the engine took them. */
  observe(observer: (change: LifecycleChange) => void): Observation
}
