/**
 * What a store holds, version 1 of its format: keys and values of every space (rules DO15 to DO19
 * of docs/specs/documents.md). A change of anything here is a new format version.
 *
 * Values are read back through the same checks as bytes of a peer: a store that was damaged gives
 * `undefined`, not a wrong document.
 */

import { ByteReader } from '../engine/bytes/reader.ts'
import { ByteWriter } from '../engine/bytes/writer.ts'
import { partsPerChangeMax, readChange, writeChange } from '../engine/sync/change-codec.ts'
import type { Change, DocumentKey } from '../engine/sync/change.ts'
import { digestBytes } from '../engine/sync/digest.ts'
import { readHead, writeHead } from '../engine/sync/head-codec.ts'
import type { StorageEntry, StorageKey, StorageValue } from '../storage/storage.ts'
import type { DocumentHead } from './head.ts'

/** The one entry of space `meta` that is the replica's. */
export const rootKey: StorageKey = ['root']

/** What the replica knows of the store as a whole. */
export interface RootRecord {
  /** Sum of the digests of all heads. */
  readonly digest: Uint8Array
  /** Every ordinal in the store is smaller. */
  readonly nextOrdinal: number
}

/** One change of one document in its log. */
export interface LoggedChange {
  /** Place in the order of arrival at this store; the parts of one change that came together share it. */
  readonly ordinal: number
  /** `partDigest` of its part. */
  readonly digest: Uint8Array
  /** The change with the one part of this document. */
  readonly change: Change
  /** How many parts of the change came together with this one, itself included. */
  readonly partCount: number
}

/** Merged changes of one document. */
export interface StoredCheckpoint {
  /** The head it stands for. */
  readonly head: DocumentHead
  /** Changes in the log from this ordinal on are not in it. */
  readonly nextOrdinal: number
  readonly updates: readonly Uint8Array[]
}

/** The key of a document in every space: collection, then id. */
export function documentStorageKey(document: DocumentKey): StorageKey {
  return [document.collection, document.id]
}

/** The document that a key of space `heads` or `rows` names. */
export function keyedDocument(key: StorageKey): DocumentKey | undefined {
  const [collection, id] = key
  return typeof collection === 'string' && typeof id === 'string' ? { collection, id } : undefined
}

export function logKey(document: DocumentKey, ordinal: number): StorageKey {
  return [document.collection, document.id, ordinal]
}

/** Key of a checkpoint's head (`place` 0) or of one of its updates (from 1). */
export function checkpointKey(document: DocumentKey, place: number): StorageKey {
  return [document.collection, document.id, place]
}

export function encodeRoot(root: RootRecord): Uint8Array {
  return new ByteWriter().raw(root.digest).varint(root.nextOrdinal).finish()
}

export function decodeRoot(value: StorageValue): RootRecord | undefined {
  return decode(value, (reader) => ({
    digest: reader.raw(digestBytes).slice(),
    nextOrdinal: reader.varint(),
  }))
}

export function encodeStoredHead(head: DocumentHead): Uint8Array {
  const writer = new ByteWriter()
  writeHead(writer, head)
  return writer.finish()
}

export function decodeStoredHead(value: StorageValue): DocumentHead | undefined {
  return decode(value, readHead)
}

export function encodeLogged(logged: LoggedChange): Uint8Array {
  const writer = new ByteWriter(256).raw(logged.digest)
  writeChange(writer, logged.change)
  return writer.varint(logged.partCount).finish()
}

export function decodeLogged(entry: StorageEntry): LoggedChange | undefined {
  const ordinal = entry.key[2]
  if (typeof ordinal !== 'number') return undefined
  return decode(entry.value, (reader) => {
    const digest = reader.raw(digestBytes).slice()
    const change = readChange(reader)
    const partCount = reader.varint(partsPerChangeMax)
    if (change?.parts.length !== 1) return undefined
    return { ordinal, digest, change, partCount }
  })
}

export function encodeCheckpointHead(checkpoint: StoredCheckpoint): Uint8Array {
  const writer = new ByteWriter(256).varint(checkpoint.nextOrdinal)
  writeHead(writer, checkpoint.head)
  return writer.finish()
}

/** The checkpoint of all entries under a document's key; `undefined` when there is none. */
export function decodeCheckpoint(entries: readonly StorageEntry[]): StoredCheckpoint | undefined {
  const [first, ...rest] = entries
  if (first === undefined) return undefined
  const updates: Uint8Array[] = []
  for (const { value } of rest) {
    if (typeof value === 'string') return undefined
    updates.push(value)
  }
  return decode(first.value, (reader) => {
    const nextOrdinal = reader.varint()
    const head = readHead(reader)
    return head === undefined ? undefined : { head, nextOrdinal, updates }
  })
}

function decode<Value>(
  value: StorageValue,
  read: (reader: ByteReader) => Value | undefined,
): Value | undefined {
  if (typeof value === 'string') return undefined
  const reader = new ByteReader(value)
  const decoded = read(reader)
  return reader.finished ? decoded : undefined
}
