/** What a page and its engine's worker have agreed on. Both sides come from one release. */

import type { Command, CommandAnswer } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Problem } from '../engine/problem.ts'

export interface WorkerOpenOptions {
  readonly app: string
  readonly secret: Uint8Array
  readonly store: string
  readonly name: string
  readonly platform: string
  readonly metadata: Readonly<Record<string, string>>
}

export type WorkerOpening =
  { readonly ok: true; readonly peer: PeerId } | { readonly ok: false; readonly problem: Problem }

/** Ports of which each carries records of one kind, both ways. */
export interface WorkerPorts {
  /** Transport orders and reports. */
  readonly transports: MessagePort
  /** Data channels that are handed over. */
  readonly pipes: MessagePort
  /** Engine reports. */
  readonly reports: MessagePort
  /** Stream orders and reports. */
  readonly streams: MessagePort
}

/** Exposed by the worker through comlink. Nothing of it rejects. */
export interface WorkerApi {
  /** Answers at once: the worker's file has called `serveEngine`. */
  hello(): true
  /** Opens the store and starts the engine. */
  open(options: WorkerOpenOptions, ports: WorkerPorts): Promise<WorkerOpening>
  execute(command: Command): Promise<CommandAnswer>
  /** Resolves when the store is closed. */
  stop(): Promise<void>
}
