/**
 * Shrinking: from a script that shows a violation to a small one that still does.
 *
 * Steps go first, by delta debugging (Zeller and Hildebrandt, "Simplifying and isolating
 * failure-inducing input", 2002: ddmin), then peers, checks and time, again and again until nothing
 * more can go.
 */

import { pairsOf, peersOf, type Script } from '../script/script.ts'
import type { Violation } from '../world/violation.ts'

export interface Shrunk {
  readonly script: Script
  /** How many scripts were run. */
  readonly runCount: number
}

/** Runs after which the smallest script so far is it. */
const runsMaxDefault = 200
/** Of a sentence, what makes it the same complaint: numbers and what comes late may differ. */
const sameLetters = 40
/** A script that is mended at once leaves no time for its last step to have an effect. */
const tailMs = 1_000

/** Whether two violations are one and the same, but for names and numbers. */
export function isSameViolation(left: Violation, right: Violation): boolean {
  return left.invariant === right.invariant && complaintOf(left) === complaintOf(right)
}

function complaintOf({ sentence }: Violation): string {
  return sentence.replace(/\d+/g, '#').slice(0, sameLetters)
}

/** `isStill` runs a script and says whether it shows the same violation. The given one does. */
export function shrink(
  script: Script,
  isStill: (script: Script) => boolean,
  runsMax = runsMaxDefault,
): Shrunk {
  const shrinking = new Shrinking(script, isStill, runsMax)
  while (shrinking.shrinkParts() || shrinking.shrinkSteps());
  return shrinking
}

class Shrinking implements Shrunk {
  #smallest: Script
  #runCount = 0
  readonly #isStill: (script: Script) => boolean
  readonly #runsMax: number

  constructor(script: Script, isStill: (script: Script) => boolean, runsMax: number) {
    this.#smallest = script
    this.#isStill = isStill
    this.#runsMax = runsMax
  }

  get script(): Script {
    return this.#smallest
  }

  get runCount(): number {
    return this.#runCount
  }

  /** Takes away the first part that can go; false when none can. */
  shrinkParts(): boolean {
    for (const candidate of smallerParts(this.#smallest)) if (this.#accept(candidate)) return true
    return false
  }

  /** ddmin: takes away ever smaller runs of steps, as long as that changes nothing. */
  shrinkSteps(): boolean {
    const before = this.#smallest
    let size = Math.ceil(before.steps.length / 2)
    while (size > 0) {
      const hasShrunk = this.#shrinkRuns(size)
      const { length } = this.#smallest.steps
      if (!hasShrunk) size = size === 1 ? 0 : Math.ceil(size / 2)
      else size = Math.min(size, Math.ceil(length / 2))
    }
    return this.#smallest !== before
  }

  /** Takes away runs of that many steps. */
  #shrinkRuns(size: number): boolean {
    const before = this.#smallest
    for (let start = 0; start < this.#smallest.steps.length;) {
      const { steps } = this.#smallest
      const fewer = [...steps.slice(0, start), ...steps.slice(start + size)]
      if (!this.#accept({ ...this.#smallest, steps: fewer })) start += size
    }
    return this.#smallest !== before
  }

  #accept(candidate: Script): boolean {
    if (this.#runCount >= this.#runsMax) return false
    this.#runCount += 1
    if (!this.#isStill(candidate)) return false
    this.#smallest = candidate
    return true
  }
}

/** The script without a peer, without a check, with keys that live as long as usual, or shorter. */
function* smallerParts(script: Script): Iterable<Script> {
  for (const { name } of script.peers) {
    const candidate = without(script, name)
    if (candidate !== undefined) yield candidate
  }
  for (const check of script.checks) {
    yield { ...script, checks: script.checks.filter((other) => other !== check) }
  }
  const { linkKeyLifetime, ...withUsualLinks } = script
  if (linkKeyLifetime !== undefined) yield withUsualLinks
  const { connectionKeyLimits, ...withUsualConnections } = script
  if (connectionKeyLimits !== undefined) yield withUsualConnections
  const lastMs = script.steps.at(-1)?.atMs ?? 0
  if (lastMs + tailMs < script.faultyMs) yield { ...script, faultyMs: lastMs + tailMs }
}

/** Undefined when too few would be left, or the others would not reach each other. */
function without(script: Script, name: string): Script | undefined {
  const peers = script.peers
    .filter((peer) => peer.name !== name)
    .map((peer) => ({ ...peer, dials: peer.dials.filter(({ to }) => to !== name) }))
  if (peers.length < 2) return undefined
  const reached = new Set([peers[0]!.name])
  const pairs = pairsOf(peers)
  // A set is iterated over what is added meanwhile.
  for (const one of reached) {
    for (const [left, right] of pairs) {
      if (left === one) reached.add(right)
      if (right === one) reached.add(left)
    }
  }
  if (reached.size < peers.length) return undefined
  const steps = script.steps.filter((step) => !peersOf(step).includes(name))
  return { ...script, peers, steps }
}
