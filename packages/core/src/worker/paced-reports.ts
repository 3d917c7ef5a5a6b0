/**
 * Paced reports: what an engine tells its page unasked, however long the page is busy.
 *
 * The page says how many reports it has taken. When it is `untakenReportsMax` behind, what comes is
 * held and drawn together: of presence the latest, of awareness the latest of each client, of problems
 * and of lifecycle the last ones, of a live query its changes in one report. A query with more changes than are held is
 * told to be stale, and the page asks for its rows anew. Updates of documents have credit of their own
 * and, like the outcomes of meetings, are never held.
 */

import { unreachable } from '../engine/assert.ts'
import type { AwarenessChange, MeshEvent, RowChange, SubscriberId } from '../engine/command.ts'
import type { RecordPort } from '../driver/record-port.ts'
import type { EngineReport, ReportsTaken } from '../facade/engine-access.ts'

/** Reports that the page has not taken, from which on others are held: a second of heavy work. */
const untakenReportsMax = 256
/** Changes of rows that are held, of all live queries together. */
const heldRowChangesMax = 1024
/** Problems that are held; the oldest give way, as they do on the page. */
const heldProblemsMax = 32
/** Transitions of the lifecycle that are held; the oldest give way. */
const heldTransitionsMax = 32

type Problem = MeshEvent & { readonly type: 'problem' }
type Transition = MeshEvent & { readonly type: 'lifecycle-changed' }
/** What the application asked for one by one is never held, and bounded by that. */
type HeldReport = Exclude<EngineReport, { type: 'document-updated' | 'meeting-ended' | 'ended' }>

/** See the file header. */
export class PacedReports {
  readonly #port: RecordPort<EngineReport, ReportsTaken>
  #untakenCount = 0
  #isHolding = false
  readonly #rows = new Map<SubscriberId, RowChange[]>()
  #rowChangeCount = 0
  readonly #stale = new Set<SubscriberId>()
  readonly #awareness = new Map<SubscriberId, Map<number, AwarenessChange>>()
  #presence: EngineReport | undefined
  #problems: Problem[] = []
  #transitions: Transition[] = []

  constructor(port: RecordPort<EngineReport, ReportsTaken>) {
    this.#port = port
    port.receive((records) => {
      for (const { count } of records) this.#taken(count)
    })
  }

  post(report: EngineReport): void {
    this.#isHolding ||= this.#untakenCount >= untakenReportsMax
    if (this.#isHolding && isHeld(report)) this.#hold(report)
    else this.#send(report)
  }

  /** What is held is not sent any more. */
  close(): void {
    this.#port.close()
  }

  #send(report: EngineReport): void {
    this.#untakenCount += 1
    this.#port.post(report)
  }

  #taken(count: number): void {
    this.#untakenCount -= count
    if (this.#isHolding && this.#untakenCount <= untakenReportsMax / 2) this.#release()
  }

  #hold(report: HeldReport): void {
    switch (report.type) {
      case 'rows-changed':
        this.#holdRows(report.subscriber, report.changes)
        return
      case 'rows-stale':
        this.#stale.add(report.subscriber)
        return
      case 'awareness-changed': {
        const clients = this.#awareness.get(report.subscriber) ?? new Map<number, AwarenessChange>()
        for (const change of report.changes) clients.set(change.clientId, change)
        this.#awareness.set(report.subscriber, clients)
        return
      }
      case 'presence-changed':
        this.#presence = report
        return
      case 'problem':
        this.#problems.push(report)
        if (this.#problems.length > heldProblemsMax) this.#problems.shift()
        return
      case 'lifecycle-changed':
        this.#transitions.push(report)
        if (this.#transitions.length > heldTransitionsMax) this.#transitions.shift()
        return
      default:
        unreachable(report)
    }
  }

  #holdRows(subscriber: SubscriberId, changes: readonly RowChange[]): void {
    if (this.#stale.has(subscriber)) return
    const held = this.#rows.get(subscriber) ?? []
    if (this.#rowChangeCount + changes.length > heldRowChangesMax) {
      this.#rowChangeCount -= held.length
      this.#rows.delete(subscriber)
      this.#stale.add(subscriber)
      return
    }
    this.#rowChangeCount += changes.length
    held.push(...changes)
    this.#rows.set(subscriber, held)
  }

  /** Sends what was held: at most one report for each subscriber, and some more. */
  #release(): void {
    this.#isHolding = false
    for (const [subscriber, changes] of this.#rows) {
      this.#send({ type: 'rows-changed', subscriber, changes })
    }
    for (const subscriber of this.#stale) this.#send({ type: 'rows-stale', subscriber })
    for (const [subscriber, clients] of this.#awareness) {
      this.#send({ type: 'awareness-changed', subscriber, changes: [...clients.values()] })
    }
    if (this.#presence) this.#send(this.#presence)
    for (const problem of this.#problems) this.#send(problem)
    for (const transition of this.#transitions) this.#send(transition)
    this.#rows.clear()
    this.#rowChangeCount = 0
    this.#stale.clear()
    this.#awareness.clear()
    this.#presence = undefined
    this.#problems = []
    this.#transitions = []
  }
}

function isHeld(report: EngineReport): report is HeldReport {
  const { type } = report
  return type !== 'document-updated' && type !== 'meeting-ended' && type !== 'ended'
}
