/**
 * Exhaustive exploration of a small system: every order in which things can happen, up to a depth.
 *
 * To use it, write an `Explorable`: the parts under test and the pipes between them, with a budget
 * for each kind of fault. `choices` names what can happen next (deliver the first message of this
 * pipe, lose it, double it, let the second overtake it, cut the pipe, let time pass to the next
 * deadline, send something); `choose` makes it happen, and the parts run until they are quiet. Time
 * and seeds are the system's own, so that a sequence of choices always leads to the same state.
 *
 *     const report = explore({ make: () => new TwoEnds({ cuts: 1 }), depthMax: 12, statesMax: 200_000 })
 *     expect(report.violation).toBe(undefined)
 *     expect(report.states).toBe(48_112) // shrinks unnoticed else, when a choice is forgotten
 *
 * The explorer goes breadth first, so that a violation comes with a shortest sequence of choices that
 * leads to it (`replay` runs it again, for a debugger). It keeps no system: a branch is run from the
 * start. Two states with one `fingerprint` count as one and are explored once. A sound fingerprint
 * has all that decides the future: the state of the parts, what is in the pipes, what is left of the
 * budgets, and times as differences from now. Where parts cannot show their state, the sequence of
 * inputs that each part has had will do: it tells apart more than it must, and still joins all orders
 * of events at different parts.
 *
 * In every state three things are asked. `violation`: a broken invariant. `choices` that are empty
 * end a branch. And `settle`: from here on everything fair happens and no fault does; does the
 * system come to where it should be? That finds deadlocks and livelocks, and what was lost for good.
 * An exception counts as a broken invariant.
 */

/** A system whose every step is a choice. Deterministic: equal choices lead to equal states. */
export interface Explorable {
  /** What can happen now, each by a name of its own, in a fixed order. Empty at the end. */
  choices(): readonly string[]
  /** Lets it happen. */
  choose(choice: string): void
  /** Equal for states with an equal future. */
  fingerprint(): string
  /** The invariant that is broken now. */
  violation(): string | undefined
  /**
   * Goes on without faults until nothing changes any more, within a bound of its own; what is wrong
   * then, if anything is. The system is not used afterwards.
   */
  settle(): string | undefined
}

export interface ExploreOptions {
  /** A new system in its first state. */
  readonly make: () => Explorable
  /** Choices in a row, at most. */
  readonly depthMax: number
  /** States, at most: exploration that would go on says so by `isComplete`. */
  readonly statesMax: number
}

/** A broken invariant, and how to come to it. */
export interface Violation {
  readonly message: string
  readonly choices: readonly string[]
}

export interface ExploreReport {
  /** Different states that were seen, the first one included. */
  readonly states: number
  /** Choices that were tried, each in its state. */
  readonly transitions: number
  /** Length of the longest sequence of choices that leads to a state in no shorter way. */
  readonly depth: number
  /** Every state within the depth was seen. */
  readonly isComplete: boolean
  /** Every state there is was seen: the depth cut nothing off. */
  readonly isExhausted: boolean
  /** The first one found, by a shortest sequence. */
  readonly violation: Violation | undefined
}

interface Branch {
  readonly path: readonly string[]
  readonly choices: readonly string[]
}

/** See the file header. Time grows with transitions times depth, memory with states. */
export function explore(options: ExploreOptions): ExploreReport {
  return new Exploration(options).run()
}

/** A new system after these choices. */
export function replay(make: () => Explorable, path: readonly string[]): Explorable {
  const system = make()
  for (const choice of path) system.choose(choice)
  return system
}

/** One run of the explorer. */
class Exploration {
  readonly #options: ExploreOptions
  readonly #seen = new Set<string>()
  #transitions = 0
  #depth = 0
  #isTruncated = false
  #isCutOff = false
  #violation: Violation | undefined

  constructor(options: ExploreOptions) {
    this.#options = options
  }

  run(): ExploreReport {
    let level: readonly Branch[] = this.#visit([])
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth === this.#options.depthMax) {
        this.#isCutOff = level.some(({ choices }) => choices.length > 0)
        break
      }
      level = this.#nextLevel(level)
    }
    const isComplete = !this.#isTruncated && this.#violation === undefined
    return {
      states: this.#seen.size,
      transitions: this.#transitions,
      depth: this.#depth,
      isComplete,
      isExhausted: isComplete && !this.#isCutOff,
      violation: this.#violation,
    }
  }

  #nextLevel(level: readonly Branch[]): readonly Branch[] {
    const next: Branch[] = []
    for (const { path, choices } of level) {
      for (const choice of choices) {
        if (this.#violation !== undefined) return []
        this.#transitions += 1
        next.push(...this.#visit([...path, choice]))
      }
    }
    return next
  }

  /** The state at the end of the path, as a branch to go on from; none where it is known. */
  #visit(path: readonly string[]): readonly Branch[] {
    try {
      const system = replay(this.#options.make, path)
      const fingerprint = system.fingerprint()
      if (this.#seen.has(fingerprint)) return []
      if (this.#seen.size >= this.#options.statesMax) {
        this.#isTruncated = true
        return []
      }
      this.#seen.add(fingerprint)
      this.#depth = path.length
      const choices = system.choices()
      const broken = system.violation()
      if (broken !== undefined) throw new Error(broken)
      const unsettled = system.settle()
      if (unsettled !== undefined) throw new Error(`settled: ${unsettled}`)
      return [{ path, choices }]
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#violation = { message, choices: path }
      return []
    }
  }
}
