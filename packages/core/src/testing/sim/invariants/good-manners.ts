/** Counters that only a peer grows that breaks a rule, or a packet that goes round in circles. */

import type { Counter } from '../../../recorder/instrument.ts'
import type { Recorder } from '../../../recorder/recorder.ts'
import type { Boot } from '../peers/boot.ts'
import type { World } from '../world/world.ts'

/** Rooms of the recorder, and their counters that stay at zero. */
const silentCounters = [
  ['link', ['framesMalformed', 'framesUndecipherable']],
  [
    'mesh',
    [
      'packetsDroppedHopLimit',
      'packetsDroppedMalformed',
      'routeFramesMalformed',
      'presenceFramesMalformed',
    ],
  ],
  ['connection', ['packetsForged', 'packetsMalformed', 'violations']],
  ['signalling', ['signalsRefused']],
  ['sync', ['messagesMalformed', 'deliveriesRefused', 'awarenessRefused']],
  ['documents', ['deliveriesRefused']],
] as const satisfies readonly (readonly [keyof Recorder, readonly string[]])[]

/** This tells of a packet that did not find its way. */
const loopCounter = 'packetsDroppedHopLimit'

/** See the file header. */
export class GoodManners {
  readonly #world: World
  readonly #exceptions: readonly string[]

  /**
   * `keysAreShort`: the keys of connections follow each other within a second, as they never do. A
   * packet that is late by two of them does not open, and that is counted with the forged ones.
   */
  constructor(world: World, keysAreShort: boolean) {
    this.#world = world
    this.#exceptions = keysAreShort ? ['packetsForged'] : []
  }

  stepped({ name, flight }: Boot): void {
    for (const [room, counters] of silentCounters) {
      const cells = flight.recorder[room] as unknown as Readonly<Record<string, Counter>>
      for (const counter of counters) {
        // A counter that does not exist is wrong as well.
        if (cells[counter]?.value === 0 || this.#exceptions.includes(counter)) continue
        const invariant = counter === loopCounter ? 'loop' : 'malformed'
        this.#world.violated(invariant, `${name}: ${room}.${counter} grew`)
      }
    }
  }
}
