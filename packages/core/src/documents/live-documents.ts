/**
 * Documents that are open in the application (rule DO28 of docs/specs/documents.md): what they make
 * becomes changes, what is committed is sent to them.
 */

import type { CommandId } from '../engine/input.ts'
import type { SubscriberId } from '../engine/command.ts'
import type { Problem } from '../engine/problem.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import { documentKeyText } from '../engine/sync/document-key.ts'
import { EffectsBuilder } from './change-application.ts'
import type { ClientIds } from './client-ids.ts'
import { documentBytesMax, isDocumentKey, updateBytesTarget } from './document-limits.ts'
import type { DocumentsPort } from './documents-port.ts'
import type { Effects, Job } from './job.ts'
import { LiveSubscriber } from './live-subscriber.ts'
import type { LocalSetting } from './local-setting.ts'
import { batchMs, PageUpdateBatch } from './page-update-batch.ts'
import { PageUpdateJob } from './page-update-job.ts'
import { splitUpdate } from './yjs-split.ts'
import { parseUpdate } from './yjs-update.ts'

/** Live documents at a time; more are refused with `limit-reached`. */
export const liveDocumentsMax = 1000

/** What live documents need of the replica. */
export interface LiveSetting extends LocalSetting {
  readonly documents: DocumentsPort
  readonly clientIds: ClientIds
  submit(job: Job): void
}

/** See the file header. */
export class LiveDocuments {
  readonly #setting: LiveSetting
  /** Opened, or being opened: those have no subscriber yet. */
  readonly #open = new Map<SubscriberId, LiveSubscriber>()
  readonly #batches = new Map<SubscriberId, PageUpdateBatch>()
  /** When the next batch of each live document may end. */
  readonly #nextBatchAtMs = new Map<SubscriberId, number>()

  constructor(setting: LiveSetting) {
    this.#setting = setting
  }

  get idle(): boolean {
    return this.#batches.size === 0
  }

  get nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const batch of this.#batches.values()) deadlineMs = Math.min(deadlineMs, batch.deadlineMs)
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const [subscriber, batch] of this.#batches) {
      if (nowMs >= batch.deadlineMs) this.#finishBatch(subscriber, batch)
    }
  }

  /** Turns what is being gathered into changes at once. */
  flush(): void {
    for (const [subscriber, batch] of this.#batches) this.#finishBatch(subscriber, batch)
  }

  open(command: CommandId, subscriber: SubscriberId, document: DocumentKey): void {
    const { outputs } = this.#setting
    const problem = this.#checkOpening(subscriber, document)
    if (problem !== undefined) return outputs.refuse(command, problem)
    const live = new LiveSubscriber(subscriber, document)
    this.#open.set(subscriber, live)
    this.#setting.context.recorder.documents.liveDocuments.set(this.#open.size)
    const clientId = this.#setting.clientIds.next()
    this.#readState(
      live,
      () => outputs.answer(command, { clientId }),
      (problem) => {
        this.#remove(live)
        outputs.refuse(command, problem)
      },
    )
  }

  update(command: CommandId, subscriber: SubscriberId, update: Uint8Array, nowMs: number): void {
    const { outputs, context } = this.#setting
    const live = this.#open.get(subscriber)
    if (live === undefined) return outputs.refuse(command, notOpen(subscriber))
    const problem = checkPageUpdate(update)
    if (problem !== undefined) return outputs.refuse(command, problem)
    if (isEmpty(update)) return outputs.answer(command, { write: undefined })
    context.recorder.documents.liveUpdates.add()
    const dueAtMs = Math.max(nowMs, this.#nextBatchAtMs.get(subscriber) ?? nowMs)
    const batch = this.#batches.get(subscriber) ?? new PageUpdateBatch(dueAtMs)
    this.#batches.set(subscriber, batch)
    batch.add(command, update)
    if (batch.full || nowMs >= batch.deadlineMs) this.#finishBatch(subscriber, batch)
  }

  acknowledge(command: CommandId, subscriber: SubscriberId, bytes: number): void {
    const live = this.#open.get(subscriber)
    live?.acknowledge(bytes)
    this.#setting.outputs.answer(command, undefined)
    if (live !== undefined) this.#send(live)
  }

  close(command: CommandId, subscriber: SubscriberId): void {
    const live = this.#open.get(subscriber)
    if (live !== undefined) this.#remove(live)
    this.#setting.outputs.answer(command, undefined)
  }

  /** The effects are durable: sends what they added to open documents. */
  committed(effects: Effects): void {
    for (const { document, updates } of effects.contents) {
      if (document.collection !== '') continue
      const name = documentKeyText(document)
      for (const live of this.#open.values()) {
        if (live.subscriber === effects.origin || documentKeyText(live.document) !== name) continue
        live.add(updates)
        this.#send(live)
      }
    }
  }

  #checkOpening(subscriber: SubscriberId, document: DocumentKey): Problem | undefined {
    if (document.collection !== '' || !isDocumentKey(document)) {
      return { code: 'value-invalid', message: `"${document.id}" is no name of a free document` }
    }
    if (this.#open.has(subscriber)) {
      return { code: 'value-invalid', message: `subscriber ${subscriber} has a document open` }
    }
    if (this.#open.size < liveDocumentsMax) return undefined
    return { code: 'limit-reached', message: `${liveDocumentsMax} documents are open already` }
  }

  #finishBatch(subscriber: SubscriberId, batch: PageUpdateBatch): void {
    this.#batches.delete(subscriber)
    this.#nextBatchAtMs.set(subscriber, batch.deadlineMs + batchMs)
    const { document } = this.#open.get(subscriber)!
    const updates = batch.cut(this.#setting.documents)
    if (updates !== undefined) {
      const { commands } = batch
      this.#setting.submit(
        new PageUpdateJob(this.#setting, commands, subscriber, document, updates),
      )
      return
    }
    const message = `a single item takes more than ${updateBytesTarget} bytes`
    for (const command of batch.commands) {
      this.#setting.outputs.refuse(command, { code: 'document-too-large', message })
    }
  }

  /** Sends the state from what is durable when the job settles; what is committed later follows. */
  #readState(live: LiveSubscriber, done: () => void, failed: (problem: Problem) => void): void {
    let state: readonly Uint8Array[] = []
    this.#setting.submit({
      lane: 'local',
      documents: [live.document],
      run: ([document]) => {
        state =
          document?.live === true
            ? splitUpdate(document.content.encodeState(), updateBytesTarget)
            : []
        return new EffectsBuilder(this.#setting.context.cryptography).build()
      },
      settle: () => {
        done()
        if (this.#open.get(live.subscriber) !== live) return
        live.addState(state)
        this.#send(live)
      },
      fail: failed,
    })
  }

  #send(live: LiveSubscriber): void {
    const event = live.next()
    if (event !== undefined) this.#setting.outputs.push({ type: 'event', event })
    if (!live.takeStateWish()) return
    this.#setting.context.recorder.documents.liveStatesSentAgain.add()
    this.#readState(
      live,
      () => {},
      () => live.wishState(),
    )
  }

  #remove(live: LiveSubscriber): void {
    const batch = this.#batches.get(live.subscriber)
    if (batch !== undefined) this.#finishBatch(live.subscriber, batch)
    this.#nextBatchAtMs.delete(live.subscriber)
    this.#open.delete(live.subscriber)
    this.#setting.context.recorder.documents.liveDocuments.set(this.#open.size)
  }
}

function checkPageUpdate(update: Uint8Array): Problem | undefined {
  if (update.length > documentBytesMax) {
    const message = `an update of ${update.length} bytes, the limit is ${documentBytesMax}`
    return { code: 'document-too-large', message }
  }
  if (parseUpdate(update) !== undefined) return undefined
  return { code: 'value-invalid', message: 'the update is not a Yjs update of version 1' }
}

/** No structs and no deletions. */
function isEmpty(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0
}

function notOpen(subscriber: SubscriberId): Problem {
  return { code: 'document-missing', message: `subscriber ${subscriber} has no document open` }
}
