/** All that is looked at while a world runs, step by step. */

import type { Recorder } from '../../../recorder/recorder.ts'
import type { Boot } from '../peers/boot.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { Watch } from '../world/watch.ts'
import type { World } from '../world/world.ts'
import { Alternation } from './alternation.ts'
import { Bounds } from './bounds.ts'
import { Disconnects } from './disconnects.ts'
import { GoodManners } from './good-manners.ts'
import { Loops } from './loops.ts'
import { Memory } from './memory.ts'
import { tappedRecorder } from './tapped-recorder.ts'

/** What happened, for the report. */
export interface Tally {
  /** Connections that went on after they had no route. */
  resumes: number
  /** Connections that gave up their keys and kept their streams. */
  rests: number
  /** Links that went on over another of their channels. */
  switches: number
}

/** See the file header. */
export class Invariants implements Watch {
  readonly tally: Tally = { resumes: 0, rests: 0, switches: 0 }
  readonly #world: World
  readonly #bounds: Bounds
  readonly #manners: GoodManners
  readonly #memory: Memory
  readonly #loops: Loops
  readonly disconnects: Disconnects
  readonly #told: ((line: string) => void) | undefined

  /** `keysAreShort`: see good-manners.ts. `told` hears of all events. */
  constructor(world: World, keysAreShort: boolean, told?: (line: string) => void) {
    this.#world = world
    this.#bounds = new Bounds(world)
    this.#memory = new Memory(world)
    this.#loops = new Loops(world)
    this.disconnects = new Disconnects(world)
    this.#told = told
    this.#manners = new GoodManners(world, keysAreShort)
  }

  tap(peer: SimulatedPeer, epoch: number, recorder: Recorder): Recorder {
    const alternation = new Alternation(this.#world, `${peer.plan.name} in boot ${epoch}`)
    this.#loops.booted(peer)
    return tappedRecorder(recorder, (event, values) => {
      alternation.recorded(event, String(values[0]))
      this.#loops.recorded(peer, event, String(values[0]), String(values[1]))
      this.disconnects.recorded(peer, epoch, event, values)
      this.#told?.(`${peer.plan.name}: ${event} ${values.join(' ')}`)
      if (event === 'connection.resumed') this.tally.resumes += 1
      if (event === 'connection.rested') this.tally.rests += 1
      if (event === 'link.linkSwitched') this.tally.switches += 1
    })
  }

  stops(peer: SimulatedPeer): void {
    this.disconnects.stops(peer)
  }

  stepped(_peer: SimulatedPeer, boot: Boot): void {
    this.#bounds.stepped(boot)
    this.#memory.stepped(boot)
    this.#manners.stepped(boot)
    this.#loops.stepped()
  }

  ends(_peer: SimulatedPeer, boot: Boot): void {
    this.#bounds.ends(boot)
    this.#memory.look(boot)
  }
}
