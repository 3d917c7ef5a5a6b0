/** What has to be true of a mesh once everything is mended. */

import type { Oracle } from '../invariants/oracle.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Check } from '../script/script.ts'
import {
  collection,
  notes,
  rowIds,
  type DocumentsWorkload,
} from '../workload/documents-workload.ts'
import type { Ledger } from '../workload/ledger.ts'
import type { Strangers } from '../workload/strangers.ts'
import type { Transfers } from '../workload/transfers.ts'
import type { Dice } from '../world/dice.ts'
import type { World } from '../world/world.ts'

export interface AftermathParts {
  readonly world: World
  readonly ledger: Ledger
  readonly workload: DocumentsWorkload
  readonly transfers: Transfers
  readonly members: readonly SimulatedPeer[]
  readonly oracle: Oracle
  readonly strangers: Strangers | undefined
  readonly checks: readonly Check[]
  /** Most hops between two members. */
  readonly diameter: number
  /** What the slowest pipe between two of them passes. */
  readonly narrowestBytesPerMs: number
  /** What looking for the length of messages may take of a channel, both ways. */
  readonly probeBytesPerMinute: number
}

export interface AftermathResult {
  /** How long the mended mesh took to agree, and a calm one to pass an edit on, at most. */
  readonly healingMs: number
  readonly calmMs: number
  /** Most bytes that an idle channel carried within a minute, both ways. */
  readonly idleBytes: number
}

/** How long a mended mesh may take to agree: until dead links are noticed and dialled anew … */
const healingMsMax = 60_000
/** … and for each hop that news travels: comparing comes after 30 s, … */
const healingMsPerHop = 35_000
/** … and as often all that was written may have to pass a hop: both ways, and once in vain. */
const passesPerHop = 3
/** How long streams may go on in a mended mesh, besides the time that their bytes take. */
const streamsMsMax = 60_000
/** Longer than any command takes on disks that are well. */
const settlingMs = 5_000
/** The same where an operation was begun while the disk was slow, and others after it. */
const answeringMsMax = 20_000
/** Until the end of a silent link is noticed: 3.5 hellos of a hidden page, one a minute. */
const silenceMsMax = 220_000
/** A calm mesh passes edits on by pushing them: comparing comes only after 30 s. */
const calmMsMax = 10_000
const calmEdits = 4
/** Until the last checks and acknowledgements after an edit are over. */
const fadingMs = 90_000
const idleMs = 60_000
/** Hellos of both ends every 4 s, with what a pipe adds. */
const idleBytesMax = 1_500
/**
 * Presence records of a peer whose round-trip times crossed a step, twice in a minute where channels
 * lose: of up to 300 bytes each, over a pipe and back.
 */
const idleBytesPerPeer = 1_200

/** See the file header. */
export class Aftermath {
  readonly #parts: AftermathParts
  readonly #dice: Dice
  #healingMs = 0
  #calmMs = 0
  #idleBytes = 0

  constructor(parts: AftermathParts) {
    this.#parts = parts
    this.#dice = parts.world.dice('aftermath')
  }

  /** Looks until something is wrong. */
  run(): AftermathResult {
    const { checks } = this.#parts
    const phases = [
      // What was under way when the faults ended is answered first: it counts as well.
      () => this.#settle(),
      () => this.#heal('mending'),
      () => this.#endStreams(),
      () => this.#check(),
      ...(checks.includes('calm') ? [() => this.#passOn()] : []),
      ...(checks.includes('idle') ? [() => this.#idle()] : []),
      ...(checks.includes('come-back') ? [() => this.#comeBack()] : []),
    ]
    for (const phase of phases) if (this.#isWell()) phase()
    return {
      healingMs: this.#healingMs,
      calmMs: this.#calmMs,
      idleBytes: this.#idleBytes,
    }
  }

  #isWell(): boolean {
    return this.#parts.world.violations.length === 0
  }

  #settle(): void {
    const { world, members } = this.#parts
    world.runFor(settlingMs)
    if (world.runUntil(() => members.every(({ hasAnswered }) => hasAnswered), answeringMsMax))
      return
    const silent = members.filter(({ hasAnswered }) => !hasAnswered)
    const names = silent.map(({ plan }) => plan.name).join(', ')
    world.violated('unanswered', `commands go unanswered once all is mended: ${names}`)
  }

  #heal(from: string): void {
    const { world, oracle, diameter, members, narrowestBytesPerMs } = this.#parts
    const beganAtMs = world.nowMs
    const changesBytes = Math.max(...members.map(({ disk }) => disk.sizeBytes('changes')))
    const passingMs = (passesPerHop * changesBytes) / narrowestBytesPerMs
    const mostMs = healingMsMax + diameter * (healingMsPerHop + Math.round(passingMs))
    const agreed = world.runUntil(() => oracle.hasConverged(), mostMs)
    this.#healingMs = Math.max(this.#healingMs, world.nowMs - beganAtMs)
    if (agreed) return
    const what = `no agreement ${mostMs} ms after ${from}: ${oracle.describe()}`
    world.violated('convergence', what)
  }

  /** What was open goes on to its end, or is reported as lost. */
  #endStreams(): void {
    const { world, transfers, narrowestBytesPerMs } = this.#parts
    const passingMs = (passesPerHop * transfers.outstandingBytes) / narrowestBytesPerMs
    const mostMs = streamsMsMax + Math.round(passingMs)
    if (world.runUntil(() => transfers.areOver(), mostMs)) return
    const what = `${mostMs} ms after a mended mesh agreed: ${transfers.describe()}`
    world.violated('stream-end', what)
  }

  #check(): void {
    const { oracle, workload, strangers, members } = this.#parts
    oracle.checkDocuments()
    oracle.checkLive(workload)
    oracle.checkAwareness(workload)
    strangers?.check(members, oracle)
  }

  /** Edits in a mesh where all is well: each is pushed to everybody at once. */
  #passOn(): void {
    const { world, members, workload, ledger, oracle } = this.#parts
    const dice = this.#dice
    const areAlive = () => !members.some(({ pipes }) => pipes.some(({ isDead }) => isDead))
    if (!world.runUntil(areAlive, silenceMsMax)) {
      world.violated('convergence', `a dead link is believed in after ${silenceMsMax} ms`)
    }
    for (const peer of members) {
      workload.observeAll(peer)
      workload.open(peer, dice.pick(notes))
    }
    world.runFor(settlingMs)
    for (let count = 0; count < calmEdits; count += 1) {
      const peer = dice.pick(members)
      const page = workload.pages.find((open) => open.peer === peer && open.isLoaded)
      if (page !== undefined && count % 2 === 1) workload.edit(page, dice)
      else workload.upsert(peer, dice, { collection, id: dice.pick(rowIds) })
      // Until the edit is durable, a mesh that has it cannot be told from one that has not.
      const acknowledgedCount = ledger.acknowledgedCount + 1
      world.runUntil(() => ledger.acknowledgedCount === acknowledgedCount, calmMsMax)
      const beganAtMs = world.nowMs
      if (!world.runUntil(() => oracle.hasConverged(), calmMsMax)) {
        const what = `an edit at ${peer.plan.name} was not passed on within ${calmMsMax} ms: ${oracle.describe()}`
        world.violated('convergence', what)
      }
      this.#calmMs = Math.max(this.#calmMs, world.nowMs - beganAtMs)
    }
    world.runFor(settlingMs)
    if (this.#isWell()) this.#check()
  }

  /** Nobody does anything: only what keeps links alive is said. */
  #idle(): void {
    const { world, workload, members } = this.#parts
    for (const page of workload.pages) page.close()
    world.runFor(fadingMs)
    const before = new Map(world.wiring.pipes.map((pipe) => [pipe, pipe.sentBytes]))
    world.runFor(idleMs)
    for (const pipe of world.wiring.pipes) {
      const count = pipe.sentBytes - (before.get(pipe) ?? 0)
      this.#idleBytes = Math.max(this.#idleBytes, count)
    }
    const mostBytes =
      idleBytesMax + idleBytesPerPeer * members.length + this.#parts.probeBytesPerMinute
    if (this.#idleBytes <= mostBytes) return
    const what = `${this.#idleBytes} bytes within an idle minute on one channel`
    world.violated('chatter', what)
  }

  /** Rows are deleted, then everybody starts anew: what was deleted stays so, the rest is there. */
  #comeBack(): void {
    const { world, members, workload, oracle } = this.#parts
    const dice = this.#dice
    const first = members[0]!
    for (const { _id } of oracle.find(first, { collection, filter: {}, limit: 4 }) ?? []) {
      workload.delete(dice.pick(members), { collection, id: _id })
    }
    world.runFor(settlingMs)
    this.#heal('deleting')
    if (!this.#isWell()) return
    for (const peer of members) {
      if (dice.chance(0.5)) peer.crash()
      else peer.stop()
    }
    if (!world.runUntil(() => members.every((peer) => !peer.isUp), settlingMs)) {
      world.violated('unanswered', 'a peer did not stop')
    }
    for (const peer of members) peer.boot()
    world.runFor(settlingMs)
    this.#heal('starting anew')
    if (!this.#isWell()) return
    this.#check()
    // A row is shown as it was stored; an edit of it shows what the store holds of its content.
    for (const { _id } of oracle.find(first, { collection, filter: {} }) ?? []) {
      for (const peer of members) workload.upsert(peer, dice, { collection, id: _id })
    }
    world.runFor(settlingMs)
    this.#heal('editing every row')
    if (this.#isWell()) oracle.checkDocuments()
  }
}
