/** Bounds on documents: what one may hold, and how its parts may be named. */

import { updateBytesMax } from '../engine/sync/change-codec.ts'
import type { DocumentKey } from '../engine/sync/change.ts'

/** Largest state that a local write may leave, in bytes of its encoded update. */
export const documentBytesMax = 8 * 1024 * 1024

/**
 * Largest state that changes of others may leave, in bytes. Above `documentBytesMax`, so that two
 * peers that filled a document apart can still merge; below a delivery, so that it can travel.
 */
export const mergedDocumentBytesMax = 15 * 1024 * 1024

/** Objects and arrays within each other, the document itself included. Deeper values are refused. */
export const depthMax = 32

/** Longest key of an object, in UTF-16 code units. */
export const keyLengthMax = 256

/** Longest `_id`, in UTF-16 code units. */
export const idLengthMax = 256

/** Highest incarnation of a document: one for each insert after a delete. */
export const incarnationMax = 0xffff_ffff

const collectionName = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/
const loneSurrogate = /\p{Surrogate}/u

/** Whether every surrogate of the text has its partner; other text has no UTF-8 encoding. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text)
}

/** Whether a collection may have that name: a letter, then up to 63 letters, digits, `_` and `-`. */
export function isCollectionName(name: string): boolean {
  return collectionName.test(name)
}

/** Whether a document may have that id: 1 to `idLengthMax` code units of well-formed text. */
export function isDocumentId(id: string): boolean {
  return id.length > 0 && id.length <= idLengthMax && isWellFormed(id)
}

/** Whether the key can name a document of a collection, or a free one (collection `''`). */
export function isDocumentKey(document: DocumentKey): boolean {
  const { collection, id } = document
  return (collection === '' || isCollectionName(collection)) && isDocumentId(id)
}

/**
 * Size of the updates that changes and checkpoints are cut into, in bytes. A little below what one
 * update may have (`updateBytesMax`), so that a merged item, whose references are longer than those
 * it was written with, still fits.
 */
export const updateBytesTarget = updateBytesMax - 1024
