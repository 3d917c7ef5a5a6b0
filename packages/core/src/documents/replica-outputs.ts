/** What the replica decides, queued until the engine polls it. */

import type { CommandResults, Command } from '../engine/command.ts'
import { Fifo } from '../engine/fifo.ts'
import type { CommandId } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import type { Problem } from '../engine/problem.ts'
import type { ReplicaNotice } from '../engine/sync/replica-port.ts'

export type ReplicaOutput =
  /** Storage operations are answered by `storageAnswered`; their ids are the replica's own. */
  | Extract<
      Output,
      { readonly type: 'storage-read' | 'storage-write' | 'command-answered' | 'event' }
    >
  | { readonly type: 'notice'; readonly notice: ReplicaNotice }
  /** Something a person should know that no command asked for. */
  | { readonly type: 'problem'; readonly problem: Problem }

/** First in, first out. The engine drains it after each input, so it holds what one input gives. */
export class ReplicaOutputs {
  readonly #queue = new Fifo<ReplicaOutput>()

  push(output: ReplicaOutput): void {
    this.#queue.push(output)
  }

  answer(command: CommandId, value: CommandResults[Command['type']]): void {
    this.push({ type: 'command-answered', command, answer: { ok: true, value } })
  }

  refuse(command: CommandId, problem: Problem): void {
    this.push({ type: 'command-answered', command, answer: { ok: false, problem } })
  }

  take(): ReplicaOutput | undefined {
    return this.#queue.shift()
  }
}
