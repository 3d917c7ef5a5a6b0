/** Gauges of an engine stay within their bounds: the values of docs/limits.md. */

import type { Boot } from '../peers/boot.ts'
import type { World } from '../world/world.ts'

/** A mesh in which everybody knows everybody has at most that many peers, strangers included. */
const peersMax = 16

/** Steps of a boot between two looks at the bounds that nothing jumps over. */
const lookEvery = 32

/** Rooms of the recorder with what they hold and the most of it. */
const byteBounds = [
  ['mesh', 'queuedBytes', 1_024 * 1_024],
  ['mesh', 'parkedBytes', 1_024 * 1_024],
] as const
const countBounds = [
  ['link', 'channels', 1_024],
  ['link', 'links', peersMax],
  ['link', 'targets', 256],
  ['mesh', 'neighbours', peersMax],
  ['mesh', 'presenceRecords', peersMax],
  ['mesh', 'reachablePeers', peersMax],
  ['sync', 'neighbours', peersMax],
  ['sync', 'awarenessStates', 1_024],
  ['documents', 'documentsCached', 256],
  ['documents', 'jobsQueued', 20_000],
  ['documents', 'observers', 1_000],
  ['documents', 'liveDocuments', 1_000],
] as const

/** See the file header. */
export class Bounds {
  readonly #world: World
  #stepCount = 0

  constructor(world: World) {
    this.#world = world
  }

  stepped(boot: Boot): void {
    this.#check(boot, byteBounds)
    this.#stepCount += 1
    if (this.#stepCount % lookEvery === 0) this.#check(boot, countBounds)
  }

  ends(boot: Boot): void {
    this.#check(boot, byteBounds)
    this.#check(boot, countBounds)
  }

  #check(boot: Boot, bounds: typeof byteBounds | typeof countBounds): void {
    const { recorder } = boot.flight
    for (const [room, name, most] of bounds) {
      const gauges = recorder[room] as unknown as Readonly<Record<string, { value: number }>>
      const value = gauges[name]!.value
      if (value >= 0 && value <= most) continue
      this.#world.violated('bounds', `${boot.name}: ${room}.${name} was ${value}, at most ${most}`)
    }
  }
}
