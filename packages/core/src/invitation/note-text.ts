/** The text of a note, for a QR code or to be pasted (rule IV1 of docs/specs/invitation.md). */

import { decodeBase32, encodeBase32 } from './base-32.ts'
import { decodeNote, encodeNote, noteBytesMax } from './note.ts'
import type { Note, NoteFault } from './note.ts'

/** What every text of a note begins with, so that a person and a program know it. */
export const notePrefix = 'FIELDMESH:'

/**
 * Longest text that is looked at, in characters: the longest note in base 32 fits twice, with all the
 * white space that it may have caught on its way.
 */
export const noteTextLengthMax = 4 * noteBytesMax

/** White space, and what programs put into long words so that they can be broken. */
const blanks = /[\s\u00ad\u200b-\u200d\u2060\ufeff]+/g

/** Capitals and digits alone: QR codes have a dense form for them. */
export function encodeNoteText(note: Note): string {
  return notePrefix + encodeBase32(encodeNote(note))
}

/** The note in a text that a person pasted or a camera read, or why there is none. Never throws. */
export function decodeNoteText(text: string): Note | NoteFault {
  if (text.length > noteTextLengthMax) return 'alien'
  const bare = text.replaceAll(blanks, '')
  if (bare.slice(0, notePrefix.length).toUpperCase() !== notePrefix) return 'alien'
  const bytes = decodeBase32(bare.slice(notePrefix.length))
  return bytes === undefined ? 'damaged' : decodeNote(bytes)
}
