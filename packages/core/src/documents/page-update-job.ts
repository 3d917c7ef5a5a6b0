/** Updates that a live document of the application made, as one change. */

import type { SubscriberId } from '../engine/command.ts'
import type { CommandId } from '../engine/input.ts'
import type { Problem } from '../engine/problem.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import { entryOf } from '../engine/sync/version-operations.ts'
import { writeIdOf } from '../engine/sync/write-id.ts'
import { EffectsBuilder } from './change-application.ts'
import { documentBytesMax } from './document-limits.ts'
import type { DocumentState } from './document-state.ts'
import type { Effects, Job } from './job.ts'
import type { LocalSetting } from './local-setting.ts'
import { tooLarge } from './local-transaction.ts'

/** The incarnation of every free document: they are never deleted. */
const freeIncarnation = 1

/** Answers its commands once the change is durable, or with the problem. */
export class PageUpdateJob implements Job {
  readonly lane = 'local'
  readonly documents: readonly [DocumentKey]
  alone = false
  readonly #setting: LocalSetting
  readonly #commands: readonly CommandId[]
  readonly #subscriber: SubscriberId
  readonly #updates: readonly Uint8Array[]
  #problem: Problem | undefined
  #seq = 0

  constructor(
    setting: LocalSetting,
    commands: readonly CommandId[],
    subscriber: SubscriberId,
    document: DocumentKey,
    updates: readonly Uint8Array[],
  ) {
    this.#setting = setting
    this.#commands = commands
    this.#subscriber = subscriber
    this.documents = [document]
    this.#updates = updates
  }

  run(states: readonly DocumentState[]): Effects {
    const { context, self } = this.#setting
    const state = states[0]!
    const [document] = this.documents
    const builder = new EffectsBuilder(context.cryptography)
    this.#problem = this.#merge(state)
    if (this.#problem !== undefined) {
      state.stale = true
      return builder.build()
    }
    this.#seq = this.#setting.nextSeq()
    const previous = entryOf(state.head.version, self)?.seq ?? 0
    const content = { type: 'update', updates: this.#updates } as const
    const change: Change = {
      peer: self.peer,
      epoch: self.epoch,
      seq: this.#seq,
      parts: [{ document, previous, incarnation: freeIncarnation, content }],
    }
    builder.addOwnChange(change, [state], this.#setting.nextOrdinal(), this.#subscriber)
    return builder.build()
  }

  settle(): void {
    if (this.#problem !== undefined) return this.fail(this.#problem)
    const write = writeIdOf(this.#setting.self, this.#seq)
    for (const command of this.#commands) this.#setting.outputs.answer(command, { write })
  }

  fail(problem: Problem): void {
    this.#setting.context.recorder.documents.writesRefused.add()
    for (const command of this.#commands) this.#setting.outputs.refuse(command, problem)
  }

  #merge(state: DocumentState): Problem | undefined {
    if (!state.merge(this.#updates)) {
      return { code: 'value-invalid', message: 'the update contradicts the document' }
    }
    return state.exceeds(documentBytesMax)
      ? tooLarge(state, `the limit is ${documentBytesMax} bytes`)
      : undefined
  }
}
