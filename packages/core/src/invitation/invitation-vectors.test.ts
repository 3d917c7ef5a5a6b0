/** The golden vectors of docs/specs/invitation.md, both ways. */

import { readFileSync } from 'node:fs'
import { crc32 as zlibCrc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeHex, encodeHex } from '../engine/bytes/hex.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { decodeBase32, encodeBase32 } from './base-32.ts'
import { crc32 } from './crc-32.ts'
import { decodeNoteText, encodeNoteText } from './note-text.ts'
import { decodeNote, encodeNote } from './note.ts'
import type { Note, NoteFault } from './note.ts'

interface NoteVector {
  readonly type: Note['type']
  readonly nonce: string
  readonly appTag?: string
  readonly peer: PeerId
  readonly expiresAtSeconds?: number
  readonly transport?: string
  readonly description: string
  readonly bytes: string
  readonly text: string
}

interface Vectors {
  readonly checksums: readonly { readonly bytes: string; readonly crc32: string }[]
  readonly base32: readonly { readonly bytes: string; readonly text: string }[]
  readonly notes: readonly NoteVector[]
  /** Other texts of the last of `notes`. */
  readonly sameNote: readonly { readonly what: string; readonly text: string }[]
  readonly refused: readonly {
    readonly what: string
    readonly text: string
    readonly fault: NoteFault
  }[]
}

const file = new URL('../../../../docs/specs/vectors/invitation.json', import.meta.url)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

function hex(text: string): Uint8Array {
  return decodeHex(text)!
}

function noteOf({ bytes: _bytes, text: _text, ...vector }: NoteVector): Note {
  const { nonce, appTag, description } = vector
  const tag = appTag === undefined ? {} : { appTag: hex(appTag) }
  return { ...vector, nonce: hex(nonce), ...tag, description: hex(description) } as Note
}

test('[IV2] the checksum is that of gzip', () => {
  for (const { bytes, crc32: expected } of vectors.checksums) {
    expect(crc32(hex(bytes)).toString(16).padStart(8, '0')).toBe(expected)
    expect(zlibCrc32(hex(bytes)).toString(16).padStart(8, '0')).toBe(expected)
  }
})

test('[IV1] base 32 is that of RFC 4648 without padding', () => {
  for (const { bytes, text } of vectors.base32) {
    expect(encodeBase32(hex(bytes))).toBe(text)
    expect(decodeBase32(text)).toEqual(hex(bytes))
  }
})

test('[IV1] [IV2] [IV3] [IV4] notes are laid out as specified', () => {
  expect(vectors.notes.map(({ type }) => type)).toEqual(['invitation', 'answer'])
  for (const vector of vectors.notes) {
    const note = noteOf(vector)
    expect(encodeHex(encodeNote(note))).toBe(vector.bytes)
    expect(decodeNote(hex(vector.bytes))).toEqual(note)
    expect(encodeNoteText(note)).toBe(vector.text)
    expect(decodeNoteText(vector.text)).toEqual(note)
  }
})

describe('[IV1] [IV5] what a text may go through:', () => {
  test.each(vectors.sameNote)('$what', ({ text }) => {
    expect(decodeNoteText(text)).toEqual(noteOf(vectors.notes.at(-1)!))
  })
})

describe('[IV6] what is no note:', () => {
  test.each(vectors.refused)('$what is $fault', ({ text, fault }) => {
    expect(decodeNoteText(text)).toBe(fault)
  })
})
