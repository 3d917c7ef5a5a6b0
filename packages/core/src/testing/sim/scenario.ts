/**
 * A scenario: from one seed a mesh, a workload and faults; then everything is mended, and the mesh
 * must agree on every acknowledged write within a bounded time, pass new ones on at once, fall
 * silent when nothing happens, and come back from its disks as it was.
 */

import { Faults, type FaultCounts } from './faults.ts'
import { Ledger } from './ledger.ts'
import { bluetooth, wan, wifi, wifiCrowded, type LinkProfile } from './link-profile.ts'
import { Oracle } from './oracle.ts'
import { checkRecording } from './recording-check.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import { Strangers } from './strangers.ts'
import { collection, notes, rowIds, Workload } from './workload.ts'
import { World, type WorldOptions } from './world.ts'

export interface ScenarioOptions extends WorldOptions {
  /** How long edits and faults go on before everything is mended. */
  readonly faultyMs?: number
  /** How long the mended mesh may take to agree. */
  readonly healingMsMax?: number
}

export interface ScenarioResult {
  readonly seed: number
  /** Equal for every run of the seed. */
  readonly traceDigest: string
  readonly eventCount: number
  readonly peerCount: number
  readonly simulatedMs: number
  readonly acknowledgedWrites: number
  readonly faults: Readonly<FaultCounts>
  /** How long the mended mesh took to agree, and a calm one to pass an edit on, at most. */
  readonly healingMs: number
  readonly calmMs: number
  /** Most messages that an idle link carried within a minute, both ways. */
  readonly idleMessages: number
  /** What went wrong, in sentences; empty when all is well. */
  readonly violations: readonly string[]
}

const faultyMsDefault = 60_000
/** Longer than any command takes once disks are well. */
const settlingMs = 5_000
/** A calm mesh passes edits on by pushing them: comparing comes only after 30 s. */
const calmMsMax = 10_000
const calmEdits = 6
/** Until the last checks and acknowledgements after an edit are over. */
const fadingMs = 90_000
const idleMs = 60_000
/**
 * Hellos of both ends every 4 s are 30. News of round-trip times that cross a step, flooded in
 * fragments of 182 bytes, were up to 34 more in 400 seeds.
 */
const idleMessagesMax = 100

/** Runs the scenario of a seed to its end. */
export function runScenario(options: ScenarioOptions): ScenarioResult {
  return new Scenario(options).run()
}

/** The parts of one scenario and its phases. */
class Scenario {
  readonly #options: ScenarioOptions
  readonly #faultyMs: number
  readonly #world: World
  readonly #ledger: Ledger
  readonly #workload: Workload
  readonly #members: readonly SimulatedPeer[]
  readonly #strangers: Strangers
  readonly #faults: Faults
  readonly #oracle: Oracle
  #healingMs = 0
  #calmMs = 0
  #idleMessages = 0

  constructor(options: ScenarioOptions) {
    this.#options = options
    this.#faultyMs = options.faultyMs ?? faultyMsDefault
    this.#world = new World(options)
    this.#ledger = new Ledger(this.#world)
    this.#workload = new Workload(this.#world, this.#ledger)
    this.#members = addMembers(this.#world, this.#faultyMs)
    this.#strangers = new Strangers(this.#world, this.#members[0]!)
    this.#faults = new Faults(this.#world, this.#members, (peer) => {
      this.#workload.act(peer)
      this.#workload.act(peer)
    })
    this.#oracle = new Oracle(this.#world, this.#ledger, this.#members)
  }

  run(): ScenarioResult {
    const world = this.#world
    this.#suffer()
    if (this.#heal('mending')) {
      this.#check()
      this.#passOn()
      this.#idle()
      this.#comeBack()
    }
    for (const peer of world.peers) checkRecording(world, peer)
    return {
      seed: this.#options.seed,
      traceDigest: world.trace.digest(),
      eventCount: world.trace.eventCount,
      peerCount: world.peers.length,
      simulatedMs: world.nowMs,
      acknowledgedWrites: this.#ledger.acknowledgedCount,
      faults: this.#faults.counts,
      healingMs: this.#healingMs,
      calmMs: this.#calmMs,
      idleMessages: this.#idleMessages,
      violations: [...world.violations],
    }
  }

  /** Edits and faults. */
  #suffer(): void {
    const world = this.#world
    const faultyMs = this.#faultyMs
    world.after(world.integer(0, faultyMs), () => {
      this.#workload.writeBulk(world.pick(this.#members))
    })
    while (world.nowMs < faultyMs) {
      world.runFor(world.integer(50, 1_500))
      this.#faults.disturb()
      const actions = world.integer(0, 8)
      for (let count = 0; count < actions; count += 1) {
        this.#workload.act(world.pick(this.#members))
      }
      for (const peer of this.#members) checkRecording(world, peer)
    }
    this.#faults.mend()
    // What was under way when the faults ended is answered first: it counts as well.
    world.runFor(settlingMs)
  }

  #heal(from: string): boolean {
    const beganAtMs = this.#world.nowMs
    const healingMsMax = this.#options.healingMsMax ?? 180_000
    const agreed = this.#world.runUntil(() => this.#oracle.hasConverged(), healingMsMax)
    this.#healingMs = Math.max(this.#healingMs, this.#world.nowMs - beganAtMs)
    if (agreed) return true
    this.#world.violated(
      `no agreement ${healingMsMax} ms after ${from}: ${this.#oracle.describe()}`,
    )
    return false
  }

  #check(): void {
    this.#oracle.checkDocuments()
    this.#oracle.checkLive(this.#workload)
    this.#oracle.checkAwareness(this.#workload)
    this.#strangers.check(this.#members, this.#oracle)
  }

  /** Edits in a mesh where all is well: each is pushed to everybody at once. */
  #passOn(): void {
    const world = this.#world
    for (const peer of this.#members) {
      this.#workload.observeAll(peer)
      this.#workload.open(peer, world.pick(notes))
    }
    world.runFor(settlingMs)
    for (let count = 0; count < calmEdits; count += 1) {
      const peer = world.pick(this.#members)
      const page = this.#workload.pages.find(
        (candidate) => candidate.peer === peer && candidate.isLoaded,
      )
      if (page !== undefined && count % 2 === 1) this.#workload.edit(page)
      else this.#workload.upsert(peer, { collection, id: world.pick(rowIds) })
      // Until the edit is durable, a mesh that has it cannot be told from one that has not.
      const acknowledgedCount = this.#ledger.acknowledgedCount + 1
      world.runUntil(() => this.#ledger.acknowledgedCount === acknowledgedCount, calmMsMax)
      const beganAtMs = world.nowMs
      if (!world.runUntil(() => this.#oracle.hasConverged(), calmMsMax)) {
        world.violated(`an edit at ${peer.plan.name} was not passed on within ${calmMsMax} ms`)
      }
      this.#calmMs = Math.max(this.#calmMs, world.nowMs - beganAtMs)
    }
    world.runFor(settlingMs)
    this.#check()
  }

  /** Nobody does anything: only what keeps links alive is said. */
  #idle(): void {
    const world = this.#world
    for (const page of this.#workload.pages) page.close()
    world.runFor(fadingMs)
    const before = new Map(world.wiring.pipes.map((pipe) => [pipe, pipe.messageCount]))
    world.runFor(idleMs)
    for (const pipe of world.wiring.pipes) {
      const count = pipe.messageCount - (before.get(pipe) ?? 0)
      this.#idleMessages = Math.max(this.#idleMessages, count)
    }
    if (this.#idleMessages > idleMessagesMax) {
      world.violated(`${this.#idleMessages} messages within an idle minute on one link`)
    }
  }

  /** Rows are deleted, then everybody starts anew: what was deleted stays so, the rest is there. */
  #comeBack(): void {
    const world = this.#world
    const first = this.#members[0]!
    for (const { _id } of this.#oracle.find(first, { collection, filter: {}, limit: 4 }) ?? []) {
      this.#workload.delete(world.pick(this.#members), { collection, id: _id })
    }
    world.runFor(settlingMs)
    if (!this.#heal('deleting')) return
    for (const peer of this.#members) {
      if (world.fraction() < 0.5) peer.crash()
      else peer.stop()
    }
    if (!world.runUntil(() => this.#members.every((peer) => !peer.isUp), settlingMs)) {
      world.violated('a peer did not stop')
    }
    for (const peer of this.#members) peer.boot()
    world.runFor(settlingMs)
    if (!this.#heal('starting anew')) return
    this.#check()
    // A row is shown as it was stored; an edit of it shows what the store holds of its content.
    for (const { _id } of this.#oracle.find(first, { collection, filter: {} }) ?? []) {
      for (const peer of this.#members) this.#workload.upsert(peer, { collection, id: _id })
    }
    world.runFor(settlingMs)
    if (this.#heal('editing every row')) this.#oracle.checkDocuments()
  }
}

/** Hubs in a chain, so that some edits travel over several relays, and peers around them. */
function addMembers(world: World, faultyMs: number): readonly SimulatedPeer[] {
  const hubs = Array.from({ length: world.integer(1, 2) }, (_, index) => `hub${index + 1}`)
  const members = hubs.map((name, index) => {
    const addresses = index === 0 ? [] : [hubs[index - 1]!]
    return world.add({ name, addresses, hasDirect: false, profile: wan() })
  })
  const profiles: readonly (() => LinkProfile)[] = [wifi, wifi, wifiCrowded, bluetooth]
  const peerCount = world.integer(2, 5)
  for (let index = 1; index <= peerCount; index += 1) {
    const profile = world.pick(profiles)()
    const addresses = [world.pick(hubs)]
    const hasDirect = world.fraction() < 0.7
    // Some come late, when there is something to catch up with already.
    const bootsAtMs = world.fraction() < 0.3 ? world.integer(0, faultyMs) : 0
    members.push(world.add({ name: `peer${index}`, addresses, hasDirect, profile, bootsAtMs }))
  }
  return members
}
