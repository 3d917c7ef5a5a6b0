/**
 * A run of a script: a mesh, a workload and faults; then everything is mended, and the mesh must
 * agree on every acknowledged write within a bounded time, pass new ones on at once, fall silent when
 * nothing happens, and come back from its disks as it was.
 */

import { Faults, type FaultCounts } from '../faults/faults.ts'
import { Invariants } from '../invariants/invariants.ts'
import { Nonces } from '../invariants/nonces.ts'
import { Oracle } from '../invariants/oracle.ts'
import type { AccidentCounts } from '../network/accidents.ts'
import { profileOf } from '../network/profiles.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import {
  diameterOf,
  narrowestBytesPerMs,
  probeBytesPerMinute,
  type Script,
  type ScriptedPeer,
  type Step,
} from '../script/script.ts'
import { DocumentsWorkload, isDocumentsAction } from '../workload/documents-workload.ts'
import { Ledger } from '../workload/ledger.ts'
import { Strangers } from '../workload/strangers.ts'
import { Transfers } from '../workload/transfers.ts'
import type { Violation } from '../world/violation.ts'
import { rememberedCryptography } from '../world/remembered-cryptography.ts'
import { World, type WorldOptions } from '../world/world.ts'
import { Aftermath, type AftermathResult } from './aftermath.ts'

export interface RunOptions extends Pick<
  WorldOptions,
  'cryptography' | 'documents' | 'makeEngine'
> {
  /** Told of each step, and of each event that an engine records, with the time. */
  readonly log?: (line: string) => void
}

export interface RunResult extends AftermathResult {
  /** Equal for every run of the script. */
  readonly traceDigest: string
  readonly eventCount: number
  readonly simulatedMs: number
  readonly acknowledgedWrites: number
  readonly faults: FaultCounts
  readonly accidents: AccidentCounts
  /** Bytes of messages that arrived. */
  readonly movedBytes: number
  /** Streams that were opened, flows of them that came whole, and the bytes that came. */
  readonly streams: number
  readonly wholeFlows: number
  readonly streamBytes: number
  /** Connections that went on after they had no route. */
  readonly resumes: number
  /** Connections that gave up their keys: they had no route for long, or the keys were used up. */
  readonly rests: number
  /** Links that went on over another of their channels. */
  readonly switches: number
  /** Times the next key of a channel followed, by the peers that were up at the end. */
  readonly rekeys: number
  /** What went wrong; empty when all is well. */
  readonly violations: readonly Violation[]
}

/** How long faults go on before it is looked whether the run is to end. */
const sliceMs = 1_000

/** Runs a script to its end, or until something is wrong. */
export function runScript(script: Script, options: RunOptions): RunResult {
  return new Run(script, options).run()
}

class Run {
  readonly #script: Script
  readonly #world: World
  readonly #invariants: Invariants
  readonly #workload: DocumentsWorkload
  readonly #ledger: Ledger
  readonly #faults: Faults
  readonly #transfers: Transfers
  readonly #aftermath: Aftermath
  readonly #log: ((line: string) => void) | undefined

  constructor(script: Script, options: RunOptions) {
    this.#script = script
    const world = newWorld(script, options)
    this.#world = world
    const { log } = options
    this.#log = log && ((line) => log(`${world.nowMs.toFixed(1)} ${line}`))
    this.#invariants = new Invariants(world, script.connectionKeyLimits !== undefined, this.#log)
    world.watch = this.#invariants
    this.#ledger = new Ledger(world)
    this.#workload = new DocumentsWorkload(world, this.#ledger)
    const members = script.peers.map((peer) => addPeer(world, peer))
    this.#faults = new Faults(world)
    this.#transfers = new Transfers(world, members, (peer, other) =>
      this.#invariants.disconnects.endedCount(peer, other),
    )
    const hasStrangers = script.checks.includes('strangers')
    this.#aftermath = new Aftermath({
      world,
      ledger: this.#ledger,
      workload: this.#workload,
      transfers: this.#transfers,
      members,
      oracle: new Oracle(world, this.#ledger, members),
      strangers: hasStrangers ? new Strangers(world, members[0]!) : undefined,
      checks: script.checks,
      diameter: diameterOf(script.peers),
      narrowestBytesPerMs: narrowestBytesPerMs(script.peers),
      probeBytesPerMinute: probeBytesPerMinute(script.peers),
    })
  }

  run(): RunResult {
    const world = this.#world
    const { steps, faultyMs } = this.#script
    for (const step of steps) world.at(step.atMs, () => this.#perform(step))
    while (world.nowMs < faultyMs && world.violations.length === 0) {
      world.runFor(Math.min(sliceMs, faultyMs - world.nowMs))
    }
    this.#faults.mend()
    this.#log?.('all is mended')
    const after = this.#aftermath.run()
    for (const peer of world.peers) peer.look()
    return {
      ...after,
      ...this.#invariants.tally,
      traceDigest: world.trace.digest(),
      eventCount: world.trace.eventCount,
      simulatedMs: world.nowMs,
      acknowledgedWrites: this.#ledger.acknowledgedCount,
      faults: this.#faults.counts,
      accidents: world.accidents,
      streams: this.#transfers.openedCount,
      wholeFlows: this.#transfers.wholeCount,
      streamBytes: this.#transfers.receivedBytes,
      movedBytes: world.movedBytes,
      rekeys: rekeysOf(world),
      violations: world.violations,
    }
  }

  #perform(step: Step): void {
    this.#log?.(JSON.stringify(step))
    if (isDocumentsAction(step)) this.#workload.perform(step)
    else if (step.type === 'transfer') this.#transfers.perform(step)
    else this.#faults.perform(step)
  }
}

function newWorld(script: Script, options: RunOptions): World {
  const { seed, diskDelayMsMax, linkKeyLifetime, connectionKeyLimits } = script
  const nonces = new Nonces((what) => world.violated('nonce', what))
  const world: World = new World({
    ...options,
    seed,
    cryptography: nonces.guard(rememberedCryptography(options.cryptography)),
    diskDelayMsMax,
    ...(linkKeyLifetime && { linkKeyLifetime }),
    ...(connectionKeyLimits && { connectionKeyLimits }),
  })
  return world
}

function rekeysOf(world: World): number {
  const counts = world.peers.map(
    ({ flight }) => flight?.snapshot().counters['link.rekeysSent'] ?? 0,
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

function addPeer(world: World, scripted: ScriptedPeer): SimulatedPeer {
  const { name, direct, dials, clockStandsStill, bootsAtMs } = scripted
  const plan = {
    name,
    dials: dials.map((dial) => ({ ...dial, profile: profileOf(dial.profile) })),
    ...(direct && { direct: profileOf(direct) }),
    ...(clockStandsStill !== undefined && { clockStandsStill }),
  }
  return world.add(plan, bootsAtMs)
}
