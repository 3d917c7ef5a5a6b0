import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePeerId } from '../engine/identity/peer-id.ts'
import { decodeBase32, encodeBase32 } from './base-32.ts'
import { decodeNoteText, encodeNoteText, notePrefix, noteTextLengthMax } from './note-text.ts'
import { decodeNote, descriptionBytesMax, encodeNote, noteBytesMax } from './note.ts'
import type { Note } from './note.ts'

const eightBytes = fc.uint8Array({ minLength: 8, maxLength: 8 })
const peers = eightBytes.map((bytes) => encodePeerId(bytes))
const descriptions = fc.uint8Array({ maxLength: descriptionBytesMax })

const notes: fc.Arbitrary<Note> = fc.oneof(
  fc.record({
    type: fc.constant('invitation' as const),
    nonce: eightBytes,
    appTag: eightBytes,
    peer: peers,
    expiresAtSeconds: fc.nat({ max: 2 ** 32 - 1 }),
    transport: fc.string({ maxLength: 16 }),
    description: descriptions,
  }),
  fc.record({
    type: fc.constant('answer' as const),
    nonce: eightBytes,
    peer: peers,
    description: descriptions,
  }),
)

test('[IV3] [IV4] every note survives its text, and fits', () => {
  fc.assert(
    fc.property(notes, (note) => {
      expect(encodeNote(note).length).toBeLessThanOrEqual(noteBytesMax)
      const text = encodeNoteText(note)
      expect(text).toMatch(/^[A-Z2-7:]+$/)
      expect(text.length).toBeLessThan(noteTextLengthMax / 2)
      expect(decodeNoteText(text)).toEqual(note)
    }),
  )
})

test('[IV1] base 32 has one text for each bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes)
    }),
  )
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Z2-7]{0,40}$/), (text) => {
      const bytes = decodeBase32(text)
      if (bytes) expect(encodeBase32(bytes)).toBe(text)
    }),
  )
})

test('[IV1] letters too many, and bits that are left over and not zero, are none of base 32', () => {
  expect(decodeBase32('MY')).toEqual(Uint8Array.of(0x66))
  for (const text of ['M', 'MYA', 'MZ', 'MZXR', 'MY=', 'MY0', 'M Y']) {
    expect(decodeBase32(text)).toBeUndefined()
  }
})

test('[IV6] any one letter that is changed, lost or doubled is found out', () => {
  const letters = fc.stringMatching(/^[A-Z2-7]$/)
  fc.assert(
    fc.property(notes, fc.nat(), letters, fc.nat({ max: 2 }), (note, position, letter, kind) => {
      const text = encodeNoteText(note)
      const at = notePrefix.length + (position % (text.length - notePrefix.length))
      const put = [letter, '', text.charAt(at) + text.charAt(at)][kind] ?? ''
      const bent = text.slice(0, at) + put + text.slice(at + 1)
      fc.pre(bent !== text)
      expect(decodeNoteText(bent)).toBe('damaged')
    }),
  )
})

test('[IV6] no text and no bytes at all make the decoder throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      expect(decodeNoteText(text)).toBe('alien')
      expect(decodeNoteText(notePrefix + text)).toBe('damaged')
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
      expect(decodeNote(bytes)).toBe('damaged')
    }),
  )
})

test('[IV6] a text that is longer than any note is not looked at', () => {
  const text = encodeNoteText({
    type: 'answer',
    nonce: new Uint8Array(8),
    peer: encodePeerId(new Uint8Array(8)),
    description: new Uint8Array(3),
  })
  const padded = (length: number) => text + ' '.repeat(length - text.length)
  expect(decodeNoteText(padded(noteTextLengthMax))).toMatchObject({ type: 'answer' })
  expect(decodeNoteText(padded(noteTextLengthMax + 1))).toBe('alien')
})
