/** What many runs add up to, and whether they say anything. */

import { faultKinds, type FaultKind } from '../faults/faults.ts'
import { accidentKinds, type AccidentKind } from '../network/accidents.ts'
import type { RunResult } from './run-script.ts'

/** Runs from which on every kind of fault must have occurred. */
const tellingRuns = 40
/** A kind of fault that occurred less than once in that many runs hardly occurred. */
const runsPerFaultMax = 20

const msPerHour = 3_600_000
const bytesPerMegabyte = 1_000_000

/** See the file header. */
export class Report {
  #runCount = 0
  #simulatedMs = 0
  #acknowledgedWrites = 0
  #movedBytes = 0
  #resumes = 0
  #rests = 0
  #streams = 0
  #wholeFlows = 0
  #streamBytes = 0
  #switches = 0
  #rekeys = 0
  #violationCount = 0
  readonly #counts = new Map<FaultKind | AccidentKind, number>()
  readonly #worst = { healingMs: 0, calmMs: 0, idleBytes: 0 }

  add(result: RunResult): void {
    this.#runCount += 1
    this.#simulatedMs += result.simulatedMs
    this.#acknowledgedWrites += result.acknowledgedWrites
    this.#movedBytes += result.movedBytes
    this.#resumes += result.resumes
    this.#rests += result.rests
    this.#streams += result.streams
    this.#wholeFlows += result.wholeFlows
    this.#streamBytes += result.streamBytes
    this.#switches += result.switches
    this.#rekeys += result.rekeys
    this.#violationCount += result.violations.length
    const counts = { ...result.faults, ...result.accidents }
    for (const [kind, count] of Object.entries(counts) as [FaultKind | AccidentKind, number][]) {
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count)
    }
    for (const key of ['healingMs', 'calmMs', 'idleBytes'] as const) {
      this.#worst[key] = Math.max(this.#worst[key], result[key])
    }
  }

  get violationCount(): number {
    return this.#violationCount
  }

  /** Kinds of fault that hardly occurred, though there were runs enough. */
  get rareKinds(): readonly string[] {
    if (this.#runCount < tellingRuns) return []
    const least = this.#runCount / runsPerFaultMax
    return [...faultKinds, ...accidentKinds].filter((kind) => this.#countOf(kind) < least)
  }

  /** How far from a bound the worst run was. */
  worstLine(): string {
    const { healingMs, calmMs, idleBytes } = this.#worst
    return (
      `at worst ${healingMs} ms until a mended mesh agreed, ${calmMs} ms until a calm one did ` +
      `after an edit, ${idleBytes} bytes within an idle minute on one channel`
    )
  }

  /** Everything in one line. */
  line(): string {
    const kinds = [...faultKinds, ...accidentKinds]
    const faults = kinds.map((kind) => `${this.#countOf(kind)} ${kind}`).join(', ')
    return [
      `${this.#runCount} seeds`,
      `${(this.#simulatedMs / msPerHour).toFixed(2)} simulated hours`,
      faults,
      `${(this.#movedBytes / bytesPerMegabyte).toFixed(0)} MB moved`,
      `${(this.#streamBytes / bytesPerMegabyte).toFixed(0)} MB of them in ${this.#streams} streams with ${this.#wholeFlows} whole flows`,
      `${this.#acknowledgedWrites} acknowledged writes`,
      `${this.#resumes} resumes`,
      `${this.#rests} rests`,
      `${this.#switches} switches`,
      `${this.#rekeys} rekeys`,
      `${this.#violationCount} violations`,
    ].join(', ')
  }

  #countOf(kind: FaultKind | AccidentKind): number {
    return this.#counts.get(kind) ?? 0
  }
}
