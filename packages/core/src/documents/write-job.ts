/** A `write` command: one transaction on rows. */

import type { CommandId } from '../engine/input.ts'
import type { WriteOperation } from '../engine/command.ts'
import type { Problem } from '../engine/problem.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import { writeIdOf } from '../engine/sync/write-id.ts'
import { EffectsBuilder } from './change-application.ts'
import type { DocumentState } from './document-state.ts'
import type { Effects, Job } from './job.ts'
import type { LocalSetting } from './local-setting.ts'
import { LocalTransaction } from './local-transaction.ts'

/** Answers its command once the change is durable, or with the problem. */
export class WriteJob implements Job {
  readonly lane = 'local'
  readonly documents: readonly DocumentKey[]
  alone = false
  readonly #setting: LocalSetting
  readonly #command: CommandId
  readonly #operations: readonly WriteOperation[]
  #problem: Problem | undefined
  #seq = 0

  constructor(
    setting: LocalSetting,
    command: CommandId,
    operations: readonly WriteOperation[],
    documents: readonly DocumentKey[],
  ) {
    this.#setting = setting
    this.#command = command
    this.#operations = operations
    this.documents = documents
  }

  run(states: readonly DocumentState[]): Effects {
    const { context, self } = this.#setting
    const transaction = new LocalTransaction(self, states)
    const builder = new EffectsBuilder(context.cryptography)
    this.#problem = transaction.apply(this.#operations)
    if (this.#problem !== undefined) return builder.build()
    this.#seq = this.#setting.nextSeq()
    const { change, states: changed } = transaction.change(this.#seq)
    if (change.parts.length > 0) {
      builder.addOwnChange(change, changed, this.#setting.nextOrdinal())
    }
    return builder.build()
  }

  settle(): void {
    if (this.#problem !== undefined) return this.fail(this.#problem)
    const write = writeIdOf(this.#setting.self, this.#seq)
    this.#setting.outputs.answer(this.#command, { write })
  }

  fail(problem: Problem): void {
    this.#setting.context.recorder.documents.writesRefused.add()
    this.#setting.outputs.refuse(this.#command, problem)
  }
}
