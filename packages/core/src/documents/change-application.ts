/**
 * Turning changes into what they do: heads, rows, log, checkpoints (rules DO1 to DO4 and DO15 to
 * DO19 of docs/specs/documents.md). The one place where states of documents move on.
 */

import type { SubscriberId } from '../engine/command.ts'
import type { Cryptography } from '../engine/crypto/cryptography.ts'
import type { Change, ChangePart } from '../engine/sync/change.ts'
import { addDigests, emptyDigest, partDigest, subtractDigests } from '../engine/sync/digest.ts'
import { entryOf, withEntry } from '../engine/sync/version-operations.ts'
import type { StorageKey, StorageWrite } from '../storage/storage.ts'
import { logEntryOf, rowOf, type DocumentState } from './document-state.ts'
import { planCheckpoint, type CheckpointReason } from './checkpointing.ts'
import type { DocumentHead } from './head.ts'
import type { ContentCommit, Effects, RowCommit } from './job.ts'
import { documentStorageKey, encodeLogged, encodeStoredHead, logKey } from './storage-layout.ts'

/** Collects the effects of one job. */
export class EffectsBuilder {
  readonly #cryptography: Cryptography
  readonly #writes: StorageWrite[] = []
  readonly #states: DocumentState[] = []
  readonly #rows: RowCommit[] = []
  readonly #contents: ContentCommit[] = []
  #digest = emptyDigest()
  #change: Change | undefined
  #origin: SubscriberId | undefined

  constructor(cryptography: Cryptography) {
    this.#cryptography = cryptography
  }

  /**
   * Appends a change whose content the states hold already. `states` are those of its parts; parts
   * of other documents are not held here.
   */
  addChange(change: Change, states: readonly DocumentState[], ordinal: number): void {
    for (const [index, part] of change.parts.entries()) {
      const digest = partDigest(this.#cryptography, change, change.seq, part)
      const { peer, epoch, seq } = change
      const logged = {
        ordinal,
        digest,
        change: { peer, epoch, seq, parts: [part] },
        partCount: change.parts.length,
      }
      const value = encodeLogged(logged)
      const state = states[index]!
      state.log.push(logEntryOf(logged, value.length))
      this.#put('changes', logKey(part.document, ordinal), value)
      const renewed = state.head.incarnation > 0 && isRenewed(state.head, part)
      this.#moveHead(state, advancedHead(state.head, change, part, digest))
      this.#finish(state, ordinal + 1, renewed ? 'renewed' : 'grown')
      if (part.content.type === 'update' && state.live && part.content.updates.length > 0) {
        this.#contents.push({ document: part.document, updates: part.content.updates })
      }
    }
  }

  /** Takes over a merged head whose content the state holds already. */
  addMergedHead(
    state: DocumentState,
    head: DocumentHead,
    updates: readonly Uint8Array[],
    nextOrdinal: number,
  ): void {
    const renewed = isRenewedBy(state.head, head)
    this.#moveHead(state, head)
    this.#finish(state, nextOrdinal, renewed ? 'renewed' : 'merged')
    if (updates.length > 0) this.#contents.push({ document: state.document, updates })
  }

  /** Appends a change that this peer made itself, and which live document of its made it. */
  addOwnChange(
    change: Change,
    states: readonly DocumentState[],
    ordinal: number,
    origin?: SubscriberId,
  ): void {
    this.addChange(change, states, ordinal)
    this.#change = change
    this.#origin = origin
  }

  build(): Effects {
    for (const state of this.#states) state.unsettled += 1
    return {
      writes: this.#writes,
      digest: this.#digest,
      states: this.#states,
      rows: this.#rows,
      contents: this.#contents,
      ...(this.#change === undefined ? {} : { change: this.#change }),
      ...(this.#origin === undefined ? {} : { origin: this.#origin }),
    }
  }

  #moveHead(state: DocumentState, head: DocumentHead): void {
    this.#digest = addDigests(this.#digest, subtractDigests(head.digest, state.head.digest))
    state.head = head
    this.#states.push(state)
  }

  #finish(state: DocumentState, nextOrdinal: number, reason: CheckpointReason): void {
    this.#put('heads', documentStorageKey(state.document), encodeStoredHead(state.head))
    this.#writeRow(state)
    this.#writes.push(...planCheckpoint(state, nextOrdinal, reason))
  }

  #writeRow(state: DocumentState): void {
    const { collection, id } = state.document
    if (collection === '') return
    const row = state.live ? rowOf(state.document, state.content.toJson()) : undefined
    const text = row === undefined ? undefined : JSON.stringify(row)
    if (text === state.rowText) return
    state.rowText = text
    const key = documentStorageKey(state.document)
    if (text === undefined) this.#writes.push({ type: 'delete', space: 'rows', key })
    else this.#put('rows', key, text)
    this.#rows.push({ collection, id, row })
  }

  #put(space: 'heads' | 'rows' | 'changes', key: StorageKey, value: string | Uint8Array): void {
    this.#writes.push({ type: 'put', space, key, value })
  }
}

/** Whether the part takes away the content there was: it deletes, or belongs to a later incarnation. */
export function isRenewed(head: DocumentHead, part: ChangePart): boolean {
  if (part.incarnation > head.incarnation) return true
  if (part.incarnation < head.incarnation || head.deleted) return false
  return part.content.type === 'delete'
}

/** Whether a head that is merged in takes away the content there was. */
export function isRenewedBy(head: DocumentHead, other: DocumentHead): boolean {
  if (other.incarnation !== head.incarnation) return other.incarnation > head.incarnation
  return other.deleted && !head.deleted
}

/** The head after a part of the writer's change, whose hash is `digest`. */
function advancedHead(
  head: DocumentHead,
  change: Change,
  part: ChangePart,
  digest: Uint8Array,
): DocumentHead {
  const { peer, epoch, seq } = change
  const held = entryOf(head.version, change)?.digest ?? emptyDigest()
  const later = part.incarnation > head.incarnation
  const deletes = part.content.type === 'delete' && part.incarnation >= head.incarnation
  return {
    incarnation: Math.max(head.incarnation, part.incarnation),
    deleted: deletes || (head.deleted && !later),
    version: withEntry(head.version, { peer, epoch, seq, digest: addDigests(held, digest) }),
    digest: addDigests(head.digest, digest),
  }
}
