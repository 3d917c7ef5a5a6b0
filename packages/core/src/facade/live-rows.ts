/** A live query over the engine: rows that follow the changes that it is sent. */

import type { Query, Row } from '../documents/query.ts'
import type { MeshEvent, RowChange, SubscriberId } from '../engine/command.ts'
import type { LiveQuery, LiveResult } from './collection.ts'
import type { CommandCaller } from './engine-access.ts'
import { MeshError } from './mesh-error.ts'
import { callObserver } from './observers.ts'
import { applyRowChanges, replacementsOf } from './row-changes.ts'

export interface LiveRowsOptions {
  readonly subscriber: SubscriberId
  readonly query: Query
  readonly commands: CommandCaller
  readonly observer: (result: LiveResult<Row>) => void
  readonly failed: (error: MeshError) => void
  /** The subscriber hears of nothing more: forget it. */
  readonly closed: () => void
}

/** See the file header. */
export class LiveRows implements LiveQuery<Row> {
  readonly #options: LiveRowsOptions
  #subscriber: SubscriberId
  #rows: readonly Row[] = []
  /** Changes that overtook the first result on another way from the engine; then undefined. */
  #early: RowChange[] | undefined = []
  #isStopped = false

  constructor(options: LiveRowsOptions) {
    this.#options = options
    this.#subscriber = options.subscriber
    void this.#start(this.#subscriber)
  }

  get subscriber(): SubscriberId {
    return this.#subscriber
  }

  get rows(): readonly Row[] {
    return this.#rows
  }

  /** Takes an event that names this subscriber. */
  event(event: MeshEvent): void {
    if (event.type !== 'rows-changed') return
    if (this.#early) this.#early.push(...event.changes)
    else this.#apply(event.changes)
  }

  /** Changes were left out: the rows are asked for anew, for a subscriber that knows of none. */
  restart(subscriber: SubscriberId): void {
    this.#unobserve()
    this.#subscriber = subscriber
    this.#early = []
    void this.#start(subscriber)
  }

  stop(): void {
    if (this.#isStopped) return
    this.#end()
    this.#unobserve()
  }

  /** Ends at once, because the mesh has ended. */
  abandon(error: MeshError): void {
    if (this.#isStopped) return
    this.#end()
    // An application that closed its mesh itself knows.
    if (error.code !== 'mesh-closed') callObserver(this.#options.failed, error)
  }

  #unobserve(): void {
    const subscriber = this.#subscriber
    this.#options.commands.call({ type: 'unobserve', subscriber }).catch(() => {})
  }

  async #start(subscriber: SubscriberId): Promise<void> {
    const { commands, query, failed } = this.#options
    try {
      const rows = await commands.call({ type: 'observe', subscriber, query })
      // Restarted meanwhile: the answer to that counts.
      if (subscriber !== this.#subscriber) return
      const changes = [...replacementsOf(this.#rows, rows), ...(this.#early ?? [])]
      this.#early = undefined
      this.#apply(changes)
    } catch (error) {
      if (this.#isStopped || subscriber !== this.#subscriber) return
      if (!(error instanceof MeshError)) return
      this.#end()
      if (error.code !== 'mesh-closed') callObserver(failed, error)
    }
  }

  #apply(changes: readonly RowChange[]): void {
    if (this.#isStopped) return
    this.#rows = applyRowChanges(this.#rows, changes)
    callObserver(this.#options.observer, { rows: this.#rows, changes })
  }

  #end(): void {
    this.#isStopped = true
    this.#options.closed()
  }
}
