/** The problems of a mesh: the last ones, and who wants to hear of the next. */

import type { MeshProblem } from './mesh.ts'
import type { Observation } from './observation.ts'
import { callObserver } from './observers.ts'

/** Problems kept for those who ask later; the oldest are dropped. */
const problemsMax = 32

/** See the file header. */
export class ProblemLog {
  readonly #problems: MeshProblem[] = []
  readonly #observers = new Set<{ readonly observer: (problem: MeshProblem) => void }>()

  /** The last ones, oldest first. */
  get problems(): readonly MeshProblem[] {
    return this.#problems
  }

  observe(observer: (problem: MeshProblem) => void): Observation {
    const entry = { observer }
    this.#observers.add(entry)
    for (const problem of this.#problems) callObserver(observer, problem)
    return { stop: () => this.#observers.delete(entry) }
  }

  add(problem: MeshProblem): void {
    this.#problems.push(problem)
    if (this.#problems.length > problemsMax) this.#problems.shift()
    for (const { observer } of this.#observers) callObserver(observer, problem)
  }

  clear(): void {
    this.#observers.clear()
  }
}
