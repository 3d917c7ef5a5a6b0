/** Document keys: their order, their names in maps, and their bytes (rule SY3 of docs/specs/sync.md). */

import type { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import type { DocumentKey } from './change.ts'

/** Longest name of a collection, in bytes of UTF-8; longer ones are malformed. */
export const collectionBytesMax = 128

/** Longest id of a document, in bytes of UTF-8; longer ones are malformed. */
export const documentIdBytesMax = 1024

/** Negative, zero or positive: by collection, then id, each by UTF-16 code unit as stores order them. */
export function compareDocumentKeys(left: DocumentKey, right: DocumentKey): number {
  if (left.collection !== right.collection) return left.collection < right.collection ? -1 : 1
  if (left.id !== right.id) return left.id < right.id ? -1 : 1
  return 0
}

/** A text that no other key has: for keys of maps, not for ordering. */
export function documentKeyText(document: DocumentKey): string {
  return `${document.collection.length}:${document.collection}/${document.id}`
}

export function writeDocumentKey(writer: ByteWriter, document: DocumentKey): void {
  writer.text(document.collection).text(document.id)
}

/** The key, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readDocumentKey(reader: ByteReader): DocumentKey | undefined {
  const collection = reader.text(collectionBytesMax)
  const id = reader.text(documentIdBytesMax)
  return reader.failed ? undefined : { collection, id }
}
