/** The application's side of a live query: the rows that its events add up to. */

import type { Query, Row } from '../../../documents/query.ts'
import type { MeshEvent, RowChange } from '../../../engine/command.ts'
import type { SimulatedPeer } from '../peers/simulated-peer.ts'
import type { World } from '../world/world.ts'

/** See the file header. It is over when the boot of its peer is. */
export class ObservedRows {
  readonly peer: SimulatedPeer
  readonly query: Query
  readonly #world: World
  readonly #epoch: number
  #rows: Row[] | undefined

  constructor(world: World, peer: SimulatedPeer, query: Query) {
    this.#world = world
    this.peer = peer
    this.query = query
    this.#epoch = peer.epoch
    const subscriber = peer.subscribe((event) => this.#take(event))
    peer.execute({ type: 'observe', subscriber, query }, (answer) => {
      // A disk that fails ends the query; the application would ask again.
      if (answer.ok) this.#rows = [...(answer.value as readonly Row[])]
    })
  }

  /** The rows of now; undefined when the query was never answered or its peer is down. */
  get rows(): readonly Row[] | undefined {
    return this.peer.epoch === this.#epoch ? this.#rows : undefined
  }

  #take(event: MeshEvent): void {
    if (event.type !== 'rows-changed') return
    for (const change of event.changes) this.#apply(change)
  }

  #apply(change: RowChange): void {
    const rows = this.#rows
    if (rows === undefined) return this.#violated('an event before its first rows')
    switch (change.type) {
      case 'added':
        if (change.index > rows.length) this.#violated(`a row at ${change.index}`)
        rows.splice(change.index, 0, change.row)
        return
      case 'changed':
        if (rows[change.from]?._id !== change.row._id)
          this.#violated(`a row moved that is not there`)
        rows.splice(change.from, 1)
        rows.splice(change.index, 0, change.row)
        return
      default:
        if (rows[change.index]?._id !== change.id) this.#violated('a row removed that is not there')
        rows.splice(change.index, 1)
    }
  }

  #violated(what: string): void {
    this.#world.violated('live', `${this.peer.plan.name}: a live query was told of ${what}`)
  }
}
