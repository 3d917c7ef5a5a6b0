/** What the replica decides, queued until the engine polls it. */

import type { CommandAnswer, CommandResults, Command, MeshEvent } from '../engine/command.ts'
import { Fifo } from '../engine/fifo.ts'
import type { CommandId, StorageRequestId } from '../engine/input.ts'
import type { Problem } from '../engine/problem.ts'
import type { ReplicaNotice } from '../engine/sync/replica-port.ts'
import type { StorageRead, StorageWrite } from '../storage/storage.ts'

export type ReplicaOutput =
  /** Answered by `storageAnswered` with this request, as are writes. Ids are the replica's own. */
  | {
      readonly type: 'storage-read'
      readonly request: StorageRequestId
      readonly reads: readonly StorageRead[]
    }
  | {
      readonly type: 'storage-write'
      readonly request: StorageRequestId
      readonly writes: readonly StorageWrite[]
    }
  | {
      readonly type: 'command-answered'
      readonly command: CommandId
      readonly answer: CommandAnswer
    }
  | { readonly type: 'event'; readonly event: MeshEvent }
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
