/** The lifecycle of a mesh, as its engine tells it. */

import {
  firstLifecycleState,
  type LifecycleChange,
  type LifecycleState,
} from '../engine/lifecycle-change.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Observation } from './observation.ts'
import { callObserver } from './observers.ts'

/** See `Lifecycle`. */
export class LifecycleView implements Lifecycle {
  #state = firstLifecycleState
  readonly #observers = new Set<{ readonly observer: (change: LifecycleChange) => void }>()

  state(): LifecycleState {
    return this.#state
  }

  observe(observer: (change: LifecycleChange) => void): Observation {
    const entry = { observer }
    this.#observers.add(entry)
    return { stop: () => this.#observers.delete(entry) }
  }

  changed(change: LifecycleChange): void {
    this.#state = change.state
    for (const { observer } of this.#observers) callObserver(observer, change)
  }

  clear(): void {
    this.#observers.clear()
  }
}
