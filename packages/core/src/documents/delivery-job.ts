/** Applying one delivery of another peer. */

import { unreachable } from '../engine/assert.ts'
import type { EngineContext } from '../engine/context.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import type { Delivery, DeliveryOutcome } from '../engine/sync/replica-port.ts'
import { mergeVersions, versionDigest } from '../engine/sync/version-operations.ts'
import type { Writer } from '../engine/sync/version.ts'
import { EffectsBuilder, isRenewed, isRenewedBy } from './change-application.ts'
import {
  assessChange,
  assessCheckpoint,
  type Assessment,
  type DeliveryChange,
  type DeliveryCheckpoint,
  type RefusalReason,
} from './delivery-assessment.ts'
import { mergedDocumentBytesMax } from './document-limits.ts'
import type { DocumentState } from './document-state.ts'
import type { DocumentHead } from './head.ts'
import type { Effects, Job } from './job.ts'

/** What a delivery needs of the replica. */
export interface DeliverySetting {
  readonly context: EngineContext
  /** The writer that this boot is. */
  readonly self: Writer
  /** The next place in the order of arrival. */
  nextOrdinal(): number
}

/** See the file header. Tells its outcome once. */
export class DeliveryJob implements Job {
  readonly lane = 'remote'
  readonly documents: readonly DocumentKey[]
  readonly #setting: DeliverySetting
  readonly #from: PeerId
  readonly #delivery: Delivery
  readonly #finished: (outcome: DeliveryOutcome) => void
  #outcome: DeliveryOutcome = 'failed'

  constructor(
    setting: DeliverySetting,
    from: PeerId,
    delivery: Delivery,
    documents: readonly DocumentKey[],
    finished: (outcome: DeliveryOutcome) => void,
  ) {
    this.#setting = setting
    this.#from = from
    this.#delivery = delivery
    this.documents = documents
    this.#finished = finished
  }

  run(states: readonly DocumentState[]): Effects {
    const builder = new EffectsBuilder(this.#setting.context.cryptography)
    switch (this.#delivery.type) {
      case 'change':
        this.#outcome = this.#applyChange(builder, this.#delivery, states)
        break
      case 'checkpoint':
        this.#outcome = this.#applyCheckpoint(builder, this.#delivery, states[0]!)
        break
      default:
        unreachable(this.#delivery)
    }
    return builder.build()
  }

  settle(): void {
    this.#count(this.#outcome)
    this.#finished(this.#outcome)
  }

  fail(): void {
    this.#count('failed')
    this.#finished('failed')
  }

  #applyChange(
    builder: EffectsBuilder,
    delivery: DeliveryChange,
    states: readonly DocumentState[],
  ): DeliveryOutcome {
    const { context, self } = this.#setting
    const assessment = assessChange(delivery, states, self, context.cryptography)
    if (assessment.type !== 'news') return this.#outcomeOf(assessment)
    const { peer, epoch, seq, parts } = delivery.change
    const newStates = assessment.parts.map((index) => states[index]!)
    const change: Change = {
      peer,
      epoch,
      seq,
      parts: assessment.parts.map((index) => parts[index]!),
    }
    for (const [index, part] of change.parts.entries()) {
      const state = newStates[index]!
      const renewed = isRenewed(state.head, part)
      const alive = part.incarnation === state.head.incarnation && !state.head.deleted
      if (renewed) state.reset()
      if (part.content.type !== 'update' || !(renewed || alive)) continue
      const reason = mergeContent(state, part.content.updates)
      if (reason === undefined) continue
      // What was merged into the states before is taken back by loading them again.
      for (const touched of newStates) touched.stale = true
      return this.#refuse(part.document, reason)
    }
    builder.addChange(change, newStates, this.#setting.nextOrdinal())
    return 'applied'
  }

  #applyCheckpoint(
    builder: EffectsBuilder,
    delivery: DeliveryCheckpoint,
    state: DocumentState,
  ): DeliveryOutcome {
    const assessment = assessCheckpoint(delivery, state, this.#setting.self)
    if (assessment.type !== 'news') return this.#outcomeOf(assessment)
    const { head, updates } = delivery
    const renewed = isRenewedBy(state.head, head)
    const alive = renewed
      ? !head.deleted
      : head.incarnation === state.head.incarnation && !state.head.deleted
    if (renewed) state.reset()
    const reason = alive ? mergeContent(state, updates) : undefined
    if (reason !== undefined) {
      state.stale = true
      return this.#refuse(delivery.document, reason)
    }
    const ordinal = this.#setting.nextOrdinal()
    builder.addMergedHead(state, mergeHeads(state.head, head), alive ? updates : [], ordinal + 1)
    return 'applied'
  }

  #outcomeOf(assessment: Exclude<Assessment, { readonly type: 'news' }>): DeliveryOutcome {
    if (assessment.type !== 'refused') return assessment.type
    return this.#refuse(assessment.document, assessment.reason)
  }

  #refuse(document: DocumentKey, reason: RefusalReason): DeliveryOutcome {
    const { collection, id } = document
    this.#setting.context.recorder.documents.deliveryRefused.record(
      this.#from,
      collection,
      id,
      reason,
    )
    return 'refused'
  }

  #count(outcome: DeliveryOutcome): void {
    const { documents } = this.#setting.context.recorder
    switch (outcome) {
      case 'applied':
        return documents.deliveriesApplied.add()
      case 'known':
        return documents.deliveriesKnown.add()
      case 'gap':
        return documents.deliveriesGap.add()
      case 'refused':
        return documents.deliveriesRefused.add()
      case 'failed':
        return documents.deliveriesFailed.add()
      default:
        return unreachable(outcome)
    }
  }
}

function mergeContent(
  state: DocumentState,
  updates: readonly Uint8Array[],
): RefusalReason | undefined {
  if (!state.merge(updates)) return 'update-unmergeable'
  return state.exceeds(mergedDocumentBytesMax) ? 'document-too-large' : undefined
}

/** The head that stands for what either stands for. */
function mergeHeads(left: DocumentHead, right: DocumentHead): DocumentHead {
  const version = mergeVersions(left.version, right.version) ?? left.version
  const later = isRenewedBy(left, right) ? right : left
  const { incarnation, deleted } = later
  return { incarnation, deleted, version, digest: versionDigest(version) }
}
