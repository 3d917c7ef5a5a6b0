/**
 * One document in memory: its head, its row, its log by size, and its content while needed.
 *
 * The state runs ahead of storage: a change is in it as soon as it was worked out, and durable only
 * later. `unsettled` counts such changes; a state that has any is not dropped but with all of them.
 */

import { equalBytes } from '../engine/bytes/compare.ts'
import { encodeHex } from '../engine/bytes/hex.ts'
import type { DocumentKey } from '../engine/sync/change.ts'
import { emptyDigest } from '../engine/sync/digest.ts'
import type { Writer } from '../engine/sync/version.ts'
import type { StorageRead, StorageReadResult } from '../storage/storage.ts'
import type { DocumentsPort, OpenDocument } from './documents-port.ts'
import type { DocumentHead } from './head.ts'
import type { JsonObject, Row } from './query.ts'
import {
  decodeCheckpoint,
  decodeLogged,
  decodeStoredHead,
  documentStorageKey,
  type LoggedChange,
} from './storage-layout.ts'

/** What is remembered of a change in the log. */
export interface LogEntry extends Writer {
  readonly ordinal: number
  readonly seq: number
  readonly digest: Uint8Array
  readonly bytes: number
}

/** Entries of one document that one read may give; far above what a log holds. */
const entriesMax = 100_000

const noHead: DocumentHead = {
  incarnation: 0,
  deleted: false,
  version: [],
  digest: emptyDigest(),
}

/** The questions whose answers make a state. */
export function documentReads(document: DocumentKey): readonly StorageRead[] {
  const key = documentStorageKey(document)
  return [
    { type: 'get', space: 'heads', key },
    { type: 'get', space: 'rows', key },
    { type: 'list', space: 'checkpoints', prefix: key, limit: entriesMax },
    { type: 'list', space: 'changes', prefix: key, limit: entriesMax },
  ]
}

export const readsPerDocument = 4

/** See the file header. */
export class DocumentState {
  readonly document: DocumentKey
  head: DocumentHead = noHead
  /** JSON of the row, `undefined` when there is none. */
  rowText: string | undefined = undefined
  log: LogEntry[] = []
  /** Bytes of the stored checkpoint. */
  checkpointBytes = 0
  /** Upper bound of the content's encoded size, in bytes. */
  contentBytes = 0
  /** Changes worked out and not durable yet. */
  unsettled = 0
  /** The content is no longer what the head says: to be loaded again once nothing is unsettled. */
  stale = false
  readonly #port: DocumentsPort
  readonly #clientId: number
  #content: OpenDocument

  constructor(document: DocumentKey, port: DocumentsPort, clientId: number) {
    this.document = document
    this.#port = port
    this.#clientId = clientId
    this.#content = port.create(clientId)
  }

  /** Takes in the answers to `documentReads`; false when the store is damaged. */
  load(results: readonly StorageReadResult[]): boolean {
    const [heads = [], rows = [], checkpoints = [], changes = []] = results
    const head = heads[0] === undefined ? noHead : decodeStoredHead(heads[0].value)
    const row = rows[0]?.value
    const checkpoint = decodeCheckpoint(checkpoints)
    if (head === undefined || row instanceof Uint8Array) return false
    if (checkpoints.length > 0 && checkpoint === undefined) return false
    const logged: LoggedChange[] = []
    for (const entry of changes) {
      const change = decodeLogged(entry)
      if (change === undefined) return false
      logged.push(change)
      this.log.push(logEntryOf(change, entry.value.length))
    }
    this.head = head
    this.rowText = row
    this.checkpointBytes = sumBytes(checkpoint?.updates ?? [])
    return this.#loadContent(
      checkpoint?.head.incarnation === head.incarnation ? checkpoint.updates : [],
      logged,
    )
  }

  /** The document exists: it was inserted and not deleted since. */
  get live(): boolean {
    return this.head.incarnation > 0 && !this.head.deleted
  }

  /** Names the present state; an update says which one it was made for. */
  get revision(): string {
    return revisionOf(this.head)
  }

  get content(): OpenDocument {
    return this.#content
  }

  /** Merges updates into the content; false when they cannot be merged, and the state is stale. */
  merge(updates: readonly Uint8Array[]): boolean {
    this.contentBytes += sumBytes(updates)
    if (!this.#content.applyUpdates(updates)) this.stale = true
    return !this.stale
  }

  /** Empties the content: a deletion, or a new incarnation. */
  reset(): void {
    this.#content.destroy()
    this.#content = this.#port.create(this.#clientId)
    this.contentBytes = 0
  }

  /** Whether the content is larger than that; measures only when the upper bound is. */
  exceeds(bytesMax: number): boolean {
    if (this.contentBytes > bytesMax) this.contentBytes = this.#content.encodeState().length
    return this.contentBytes > bytesMax
  }

  /** The logged change of that writer and number, while the log has it. */
  logged(writer: Writer, seq: number): LogEntry | undefined {
    return this.log.find(
      (entry) => entry.seq === seq && entry.epoch === writer.epoch && entry.peer === writer.peer,
    )
  }

  /** Whether the log proves that the writer's change `seq` had another content. */
  contradicts(writer: Writer, seq: number, digest: Uint8Array): boolean {
    const entry = this.logged(writer, seq)
    return entry !== undefined && !equalBytes(entry.digest, digest)
  }

  /** Frees the memory; the state is not used again. */
  destroy(): void {
    this.#content.destroy()
  }

  #loadContent(checkpoint: readonly Uint8Array[], logged: readonly LoggedChange[]): boolean {
    if (!this.live) return true
    const updates = [...checkpoint]
    for (const { change } of logged) {
      const part = change.parts[0]
      if (part?.incarnation !== this.head.incarnation) continue
      if (part.content.type === 'update') updates.push(...part.content.updates)
    }
    return this.merge(updates)
  }
}

/** Names the state that a head stands for. */
export function revisionOf(head: DocumentHead): string {
  return encodeHex(head.digest)
}

/** What a log keeps in mind of a change whose value has that many bytes. */
export function logEntryOf(logged: LoggedChange, bytes: number): LogEntry {
  const { peer, epoch, seq } = logged.change
  return { ordinal: logged.ordinal, peer, epoch, seq, digest: logged.digest, bytes }
}

/** The row of a document: its fields, `_id` first whatever a field of that name says. */
export function rowOf(document: DocumentKey, fields: JsonObject): Row {
  const named = { _id: document.id }
  return { ...named, ...fields, ...named }
}

/** Length of all of them together. */
export function sumBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((bytes, part) => bytes + part.length, 0)
}
