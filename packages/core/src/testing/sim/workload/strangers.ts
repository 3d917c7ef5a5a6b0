/**
 * Peers that share the world of a mesh and are none of it: one with another secret, one of another
 * application. They knock at a hub, and have rows of their own.
 */

import type { PresenceGraph } from '../../../engine/mesh/presence-graph.ts'
import type { ProblemCode } from '../../../engine/problem.ts'
import { wifi } from '../network/profiles.ts'
import type { Oracle } from '../invariants/oracle.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import { collection } from './documents-workload.ts'
import type { World } from '../world/world.ts'

interface Stranger {
  readonly peer: SimulatedPeer
  /** What both sides are to be told. */
  readonly code: ProblemCode
  /** What it was told. */
  readonly told: ReadonlySet<ProblemCode>
}

/** Codes of all problems that a peer reports from now on. */
function toldTo(peer: SimulatedPeer): ReadonlySet<ProblemCode> {
  const codes = new Set<ProblemCode>()
  peer.onEvent = (event) => {
    if (event.type === 'problem') codes.add(event.problem.code)
  }
  return codes
}

const ownRow = { _id: 'a stranger’s' }

/** See the file header. */
export class Strangers {
  readonly #world: World
  readonly #hub: SimulatedPeer
  readonly #hubTold: ReadonlySet<ProblemCode>
  readonly #strangers: readonly Stranger[]

  constructor(world: World, hub: SimulatedPeer) {
    this.#world = world
    this.#hub = hub
    const dials = [{ transport: 'wire', to: hub.plan.name, profile: wifi() }] as const
    const plan = { dials, direct: wifi() }
    const secret = new Uint8Array(32).fill(8)
    const strangers = [
      { peer: world.add({ ...plan, name: 'intruder', secret }), code: 'secret-mismatch' },
      { peer: world.add({ ...plan, name: 'foreigner', app: 'another' }), code: 'app-mismatch' },
    ] as const
    this.#strangers = strangers.map((stranger) => ({ ...stranger, told: toldTo(stranger.peer) }))
    this.#hubTold = toldTo(hub)
    for (const { peer } of strangers) {
      peer.execute({ type: 'write', operations: [{ type: 'insert', collection, row: ownRow }] })
    }
  }

  /** Nothing has passed between them and the mesh but the reason why. */
  check(members: readonly SimulatedPeer[], oracle: Oracle): void {
    const ids = new Set(members.map((peer) => peer.id))
    for (const { peer, code, told } of this.#strangers) {
      const { name } = peer.plan
      const rows = oracle.find(peer, { collection, filter: {} })
      if (JSON.stringify(rows) !== JSON.stringify([ownRow])) {
        this.#world.violated('strangers', `${name} holds what is not its own`)
      }
      if (this.#known(peer).some((id) => id !== peer.id))
        this.#world.violated('strangers', `${name} sees others`)
      if (!told.has(code)) this.#world.violated('strangers', `${name} was not told ${code}`)
      if (!this.#hubTold.has(code)) {
        this.#world.violated(
          'strangers',
          `${this.#hub.plan.name} was not told ${code} about ${name}`,
        )
      }
    }
    for (const member of members) {
      const strangers = this.#known(member).filter((id) => !ids.has(id as SimulatedPeer['id']))
      if (strangers.length > 0)
        this.#world.violated('strangers', `${member.plan.name} sees strangers`)
    }
  }

  /** Everybody in a peer's presence graph. */
  #known(peer: SimulatedPeer): readonly string[] {
    let known: readonly string[] = []
    peer.execute({ type: 'presence' }, (answer) => {
      if (answer.ok) known = (answer.value as PresenceGraph).peers.map(({ peer: id }) => id)
    })
    return known
  }
}
