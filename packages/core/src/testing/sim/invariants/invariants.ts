/** All that is looked at while a world runs, step by step. */

import type { Recorder } from '../../../recorder/recorder.ts'
import type { Boot } from '../peers/boot.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'
import { Alternation } from './alternation.ts'
import { Bounds } from './bounds.ts'
import { GoodManners } from './good-manners.ts'
import { tappedRecorder } from './tapped-recorder.ts'

/** What happened, for the report. */
export interface Tally {
  /** Connections that went on after they had no route. */
  resumes: number
  /** Links that went on over another of their channels. */
  switches: number
}

/** See the file header. */
export class Invariants implements Watch {
  readonly tally: Tally = { resumes: 0, switches: 0 }
  readonly #world: World
  readonly #bounds: Bounds
  readonly #manners: GoodManners
  readonly #told: ((line: string) => void) | undefined

  /** `mayCut`: some channels hand over less than they were handed. `told` hears of all events. */
  constructor(world: World, mayCut: boolean, told?: (line: string) => void) {
    this.#world = world
    this.#bounds = new Bounds(world)
    this.#told = told
    this.#manners = new GoodManners(world, mayCut)
  }

  tap(peer: SimulatedPeer, epoch: number, recorder: Recorder): Recorder {
    const alternation = new Alternation(this.#world, `${peer.plan.name} in boot ${epoch}`)
    return tappedRecorder(recorder, (event, values) => {
      alternation.recorded(event, String(values[0]))
      this.#told?.(`${peer.plan.name}: ${event} ${values.join(' ')}`)
      if (event === 'connection.resumed') this.tally.resumes += 1
      if (event === 'link.linkSwitched') this.tally.switches += 1
    })
  }

  stepped(_peer: SimulatedPeer, boot: Boot): void {
    this.#bounds.stepped(boot)
  }

  ends(_peer: SimulatedPeer, boot: Boot): void {
    this.#bounds.ends(boot)
    this.#manners.ends(boot)
  }
}
