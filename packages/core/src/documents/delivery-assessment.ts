/**
 * Judging what another peer sent: whether it is well-formed, held already, out of turn, or news
 * (rules DO9, DO21 and DO22 of docs/specs/documents.md). Changes nothing.
 */

import type { Cryptography } from '../engine/crypto/cryptography.ts'
import { updateBytesMax } from '../engine/sync/change-codec.ts'
import type { ChangePart, DocumentKey } from '../engine/sync/change.ts'
import { documentKeyText } from '../engine/sync/document-key.ts'
import { partDigest } from '../engine/sync/digest.ts'
import type { Delivery } from '../engine/sync/replica-port.ts'
import { entryOf, mergeVersions, versionEntriesMax } from '../engine/sync/version-operations.ts'
import type { Writer } from '../engine/sync/version.ts'
import { incarnationMax, isDocumentKey, updateBytesTarget } from './document-limits.ts'
import type { DocumentState } from './document-state.ts'
import { checkUpdate } from './yjs-update.ts'

export type DeliveryChange = Delivery & { readonly type: 'change' }
export type DeliveryCheckpoint = Delivery & { readonly type: 'checkpoint' }

/** Why a delivery is refused. */
export type RefusalReason =
  | 'key-malformed'
  | 'incarnation-malformed'
  | 'update-malformed'
  | 'update-unmergeable'
  | 'document-too-large'
  | 'writers-too-many'
  | 'writer-is-this-peer'
  | 'history-contradicts'

/** What to do with a delivery. */
export type Assessment =
  | { readonly type: 'known' | 'gap' }
  | { readonly type: 'refused'; readonly document: DocumentKey; readonly reason: RefusalReason }
  /** News in these of its parts, by their index. */
  | { readonly type: 'news'; readonly parts: readonly number[] }

/** Documents of a delivery, in order of its parts; `undefined` when a name is malformed. */
export function deliveredDocuments(delivery: Delivery): DocumentKey[] | undefined {
  const documents =
    delivery.type === 'change'
      ? delivery.change.parts.map(({ document }) => document)
      : [delivery.document]
  const names = new Set(documents.map(documentKeyText))
  return names.size === documents.length && documents.every(isDocumentKey) ? documents : undefined
}

/** Judges a change; `states` are those of its parts, `self` is the writer that this boot is. */
export function assessChange(
  { change }: DeliveryChange,
  states: readonly DocumentState[],
  self: Writer,
  cryptography: Cryptography,
): Assessment {
  const news: number[] = []
  let gap = false
  for (const [index, part] of change.parts.entries()) {
    const state = states[index]!
    const refuse = (reason: RefusalReason): Assessment => {
      return { type: 'refused', document: part.document, reason }
    }
    const held = entryOf(state.head.version, change)
    const heldSeq = held?.seq ?? 0
    if (change.seq <= heldSeq) {
      const digest = partDigest(cryptography, change, change.seq, part)
      if (state.contradicts(change, change.seq, digest)) return refuse('history-contradicts')
      continue
    }
    // Two engines with one key and one epoch: a store was copied. Its changes cannot be told apart.
    if (change.peer === self.peer && change.epoch === self.epoch)
      return refuse('writer-is-this-peer')
    const malformed = checkPart(part)
    if (malformed !== undefined) return refuse(malformed)
    if (part.previous < heldSeq) return refuse('history-contradicts')
    if (held === undefined && state.head.version.length >= versionEntriesMax) {
      return refuse('writers-too-many')
    }
    if (part.previous > heldSeq) gap = true
    news.push(index)
  }
  if (gap) return { type: 'gap' }
  return news.length === 0 ? { type: 'known' } : { type: 'news', parts: news }
}

/** Judges a checkpoint for the document of that state. */
export function assessCheckpoint(
  { document, head, updates }: DeliveryCheckpoint,
  state: DocumentState,
  self: Writer,
): Assessment {
  const refuse = (reason: RefusalReason): Assessment => ({ type: 'refused', document, reason })
  const merged = mergeVersions(state.head.version, head.version)
  if (merged === undefined) return refuse('history-contradicts')
  if (merged.length > versionEntriesMax) return refuse('writers-too-many')
  const own = entryOf(state.head.version, self)?.seq ?? 0
  if ((entryOf(head.version, self)?.seq ?? 0) > own) return refuse('writer-is-this-peer')
  const news = head.version.some((entry) => entry.seq > seqOf(state, entry))
  if (!news) return { type: 'known' }
  if (!isIncarnation(head.incarnation) || (document.collection === '' && !isFreeHead(head))) {
    return refuse('incarnation-malformed')
  }
  if (!updates.every((update) => checkUpdate(update, updateBytesMax))) {
    return refuse('update-malformed')
  }
  return { type: 'news', parts: [0] }
}

function checkPart(part: ChangePart): RefusalReason | undefined {
  if (!isIncarnation(part.incarnation)) return 'incarnation-malformed'
  if (part.content.type === 'delete') {
    return part.document.collection === '' ? 'incarnation-malformed' : undefined
  }
  if (part.document.collection === '' && part.incarnation !== 1) return 'incarnation-malformed'
  const wellFormed = part.content.updates.every((update) => checkUpdate(update, updateBytesTarget))
  return wellFormed ? undefined : 'update-malformed'
}

function isIncarnation(incarnation: number): boolean {
  return incarnation >= 1 && incarnation <= incarnationMax
}

/** Free documents are never deleted. */
function isFreeHead(head: DeliveryCheckpoint['head']): boolean {
  return head.incarnation === 1 && !head.deleted
}

function seqOf(state: DocumentState, writer: Writer): number {
  return entryOf(state.head.version, writer)?.seq ?? 0
}
