/** Counters that only a peer grows that breaks a rule, or a packet that goes round in circles. */

import type { Boot } from '../peers/boot.ts'
import type { World } from '../world/world.ts'

const silentCounters = [
  'link.framesMalformed',
  'link.framesUndecipherable',
  'mesh.packetsDroppedHopLimit',
  'mesh.packetsDroppedMalformed',
  'mesh.packetsDroppedSourceSpoofed',
  'mesh.routeFramesMalformed',
  'mesh.presenceFramesMalformed',
  'connection.packetsForged',
  'connection.packetsMalformed',
  'connection.violations',
  'signalling.signalsRefused',
  'sync.messagesMalformed',
  'sync.deliveriesRefused',
  'sync.awarenessRefused',
  'documents.deliveriesRefused',
] as const

/** Grow when a channel cuts messages short, which no peer did. */
const cutCounters: readonly string[] = ['link.framesMalformed', 'link.framesUndecipherable']

/** See the file header. */
export class GoodManners {
  readonly #world: World
  readonly #counters: readonly string[]

  /** `mayCut`: some channels hand over less than they were handed. */
  constructor(world: World, mayCut: boolean) {
    this.#world = world
    this.#counters = silentCounters.filter((name) => !mayCut || !cutCounters.includes(name))
  }

  ends({ name, flight }: Boot): void {
    const { counters } = flight.snapshot()
    for (const counter of this.#counters) {
      const value = counters[counter]
      const invariant = counter === 'mesh.packetsDroppedHopLimit' ? 'loop' : 'malformed'
      if (value === undefined) this.#world.violated('malformed', `there is no counter ${counter}`)
      else if (value > 0) this.#world.violated(invariant, `${name}: ${counter} grew`)
    }
  }
}
