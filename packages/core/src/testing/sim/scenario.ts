/**
 * A scenario: from one seed a mesh, a workload and faults; then everything is mended, and the mesh
 * must agree on every acknowledged write within a bounded time.
 */

import { encodeHex } from '../../engine/bytes/hex.ts'
import type { WriteOperation } from '../../engine/command.ts'
import type { Row } from '../../documents/query.ts'
import type { StorageFailureReason } from '../../storage/storage.ts'
import { bluetooth, wan, wifi, wifiCrowded, type LinkProfile } from './link-profile.ts'
import type { PeerPlan, SimulatedPeer } from './simulated-peer.ts'
import { World, type WorldOptions } from './world.ts'

export interface ScenarioOptions extends WorldOptions {
  /** How long edits and faults go on before everything is mended. */
  readonly faultyMs?: number
  /** How long the mended mesh may take to agree. */
  readonly healingMsMax?: number
}

/** Kinds of fault and how often each happened. */
export interface FaultCounts {
  brokenLinks: number
  silentCuts: number
  partitions: number
  crashes: number
  diskFailures: number
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
  /** What went wrong, in sentences; empty when all is well. */
  readonly violations: readonly string[]
}

const collection = 'orders'
/** Longer than any command takes once disks work. */
const settlingMs = 5_000
/** Few documents, so that peers often edit the same one. */
const documentCount = 12

/** A field that one acknowledged write has set; each write has a field and a value of its own. */
interface AcknowledgedField {
  readonly id: string
  readonly field: string
  readonly by: string
}

/** Runs the scenario of a seed to its end. */
export function runScenario(options: ScenarioOptions): ScenarioResult {
  const world = new World(options)
  const faulty = new FaultyMesh(world)
  const faultyMs = options.faultyMs ?? 60_000
  faulty.begin()
  while (world.nowMs < faultyMs) {
    world.runFor(world.integer(50, 1_500))
    faulty.disturb()
    faulty.edit()
  }
  faulty.mend()
  const healingMsMax = options.healingMsMax ?? 180_000
  const violations: string[] = []
  // Edits that were under way when the faults ended are answered first: they count as well.
  world.runFor(settlingMs)
  const agreed = world.runUntil(() => faulty.hasConverged(), healingMsMax)
  if (!agreed)
    violations.push(`no agreement ${healingMsMax} ms after mending: ${faulty.describe()}`)
  else violations.push(...faulty.lostWrites())
  return {
    seed: options.seed,
    traceDigest: world.trace.digest(),
    eventCount: world.trace.eventCount,
    peerCount: world.peers.length,
    simulatedMs: world.nowMs,
    acknowledgedWrites: faulty.acknowledged.length,
    faults: faulty.faults,
    violations,
  }
}

/** The moving parts of one scenario. */
class FaultyMesh {
  readonly acknowledged: AcknowledgedField[] = []
  readonly faults: FaultCounts = {
    brokenLinks: 0,
    silentCuts: 0,
    partitions: 0,
    crashes: 0,
    diskFailures: 0,
  }
  readonly #world: World
  #writeCount = 0

  constructor(world: World) {
    this.#world = world
  }

  begin(): void {
    const world = this.#world
    const hubCount = world.integer(1, 2)
    const peerCount = world.integer(2, 5)
    const hubs = Array.from({ length: hubCount }, (_, index) => `hub${index + 1}`)
    for (const [index, name] of hubs.entries()) {
      // Hubs form a chain, so that some edits travel over several relays.
      world.add(this.#plan(name, index === 0 ? [] : [hubs[index - 1]!], false, wan()))
    }
    const profiles: readonly (() => LinkProfile)[] = [wifi, wifi, wifiCrowded, bluetooth]
    for (let index = 1; index <= peerCount; index += 1) {
      const profile = world.pick(profiles)()
      const addresses = [world.pick(hubs)]
      world.add(this.#plan(`peer${index}`, addresses, world.fraction() < 0.7, profile))
    }
  }

  /** Perhaps one fault, drawn from the seed. */
  disturb(): void {
    const world = this.#world
    const left = world.pick(world.peers)
    const right = world.pick(world.peers)
    const draw = world.fraction()
    if (draw < 0.06 && left !== right) {
      this.faults.brokenLinks += 1
      world.cut(left.plan.name, right.plan.name, false)
    } else if (draw < 0.1 && left !== right) {
      this.faults.silentCuts += 1
      world.cut(left.plan.name, right.plan.name, true)
    } else if (draw < 0.14 && left !== right) {
      this.faults.partitions += 1
      world.partition(left.plan.name, right.plan.name)
    } else if (draw < 0.19) {
      world.heal()
    } else if (draw < 0.25 && left.isUp) {
      this.faults.crashes += 1
      left.crash()
      world.after(world.integer(10, 20_000), () => left.boot())
    } else if (draw < 0.3) {
      this.faults.diskFailures += 1
      const reasons: readonly StorageFailureReason[] = ['io', 'quota']
      left.disk.failWith(world.pick(reasons))
      world.after(world.integer(10, 5_000), () => left.disk.failWith(undefined))
    }
  }

  /** A few edits at random peers. */
  edit(): void {
    for (let count = this.#world.integer(0, 3); count > 0; count -= 1) {
      const peer = this.#world.pick(this.#world.peers)
      const id = `order-${this.#world.integer(1, documentCount)}`
      const field = `write${(this.#writeCount += 1)}`
      const row = { _id: id, nested: { [field]: peer.plan.name } }
      const operations: WriteOperation[] = [{ type: 'upsert', collection, row }]
      peer.execute({ type: 'write', operations }, (answer) => {
        if (answer.ok) this.acknowledged.push({ id, field, by: peer.plan.name })
      })
    }
  }

  mend(): void {
    const world = this.#world
    world.heal()
    for (const peer of world.peers) {
      peer.disk.failWith(undefined)
      peer.boot()
    }
  }

  hasConverged(): boolean {
    const digests = this.#world.peers.map((peer) => this.#digestOf(peer))
    return digests.every((digest) => digest !== undefined && digest === digests[0])
  }

  describe(): string {
    return this.#world.peers
      .map((peer) => `${peer.plan.name} ${this.#digestOf(peer) ?? 'down'}`)
      .join(', ')
  }

  /** Sentences about acknowledged writes that a peer does not show, and rows that differ. */
  lostWrites(): string[] {
    const lost: string[] = []
    for (const peer of this.#world.peers) {
      const rows = this.#rowsOf(peer)
      for (const { id, field, by } of this.acknowledged) {
        const nested = rows.get(id)?.['nested'] as Readonly<Record<string, unknown>> | undefined
        if (nested?.[field] === by) continue
        lost.push(`${peer.plan.name} lacks ${field} of ${id}, acknowledged at ${by}`)
      }
    }
    return lost
  }

  #rowsOf(peer: SimulatedPeer): ReadonlyMap<string, Row> {
    let found: ReadonlyMap<string, Row> | undefined
    peer.execute({ type: 'find', query: { collection, filter: {} } }, (answer) => {
      const rows = answer.ok ? (answer.value as readonly Row[]) : []
      found = new Map(rows.map((row) => [row._id, row]))
    })
    this.#world.runUntil(() => found !== undefined, 60_000)
    return found ?? new Map()
  }

  #digestOf(peer: SimulatedPeer): string | undefined {
    const digest = peer.engine?.rootDigest()
    return digest && encodeHex(digest)
  }

  #plan(
    name: string,
    addresses: readonly string[],
    hasDirect: boolean,
    profile: LinkProfile,
  ): PeerPlan {
    return { name, addresses, hasDirect, profile }
  }
}
