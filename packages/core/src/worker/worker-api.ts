/** What a page and its engine's worker have agreed on. Both sides come from one release. */

import type { Command, CommandAnswer } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Problem } from '../engine/problem.ts'

export interface WorkerOpenOptions {
  readonly app: string
  readonly secret: Uint8Array
  readonly store: string
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
}

export type WorkerOpening =
  { readonly ok: true; readonly peer: PeerId } | { readonly ok: false; readonly problem: Problem }

/** Exposed by the worker through comlink. Nothing of it rejects. */
export interface WorkerApi {
  /** Answers at once: the worker's file has called `serveEngine`. */
  hello(): true
  /**
   * Opens the store and starts the engine. The ports carry records: transport orders and reports on
   * one, engine reports on the next, stream orders and reports on the last.
   */
  open(
    options: WorkerOpenOptions,
    transports: MessagePort,
    reports: MessagePort,
    streams: MessagePort,
  ): Promise<WorkerOpening>
  execute(command: Command): Promise<CommandAnswer>
  /** Resolves when the store is closed. */
  stop(): Promise<void>
}
