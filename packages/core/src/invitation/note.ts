/**
 * Notes: what two peers that have no way to each other yet hand over by other means, an invitation and
 * the answer to it (rules IV2 to IV6 of docs/specs/invitation.md).
 *
 * Whatever is handed in is hostile: decoded within bounds, or a fault. Nothing here throws.
 */

import { ByteReader } from '../engine/bytes/reader.ts'
import { ByteWriter } from '../engine/bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes } from '../engine/identity/peer-id.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { crc32 } from './crc-32.ts'

/** The version of notes that this code writes, and the only one that it reads. */
export const noteVersion = 1
/** Longest description of a transport, in bytes: a QR code of the whole note can still be scanned. */
export const descriptionBytesMax = 512
/** Longest note, in bytes. */
export const noteBytesMax = 1024
/** Bytes of the number of an invitation, which is the salt of its app tag as well. */
export const nonceBytes = 8
/** Bytes of an app tag. */
export const noteTagBytes = 8

const transportNameBytesMax = 64
const checksumBytes = 4
const kinds = { invitation: 1, answer: 2 } as const

export interface InvitationNote {
  readonly type: 'invitation'
  /** Drawn for this invitation alone. */
  readonly nonce: Uint8Array
  /** Salted with the nonce, as HS4 says. */
  readonly appTag: Uint8Array
  /** Who invites. */
  readonly peer: PeerId
  /** Seconds since 1970 by the inviter's clock. */
  readonly expiresAtSeconds: number
  /** Whose description follows. */
  readonly transport: string
  /** How the inviter's transport is reached, in bytes of its own. */
  readonly description: Uint8Array
}

export interface AnswerNote {
  readonly type: 'answer'
  /** Of the invitation that it answers. */
  readonly nonce: Uint8Array
  /** Who answers. */
  readonly peer: PeerId
  readonly description: Uint8Array
}

export type Note = InvitationNote | AnswerNote

/**
 * Why bytes or a text are no note: `alien` is something else altogether, `damaged` was a note,
 * `version` is one of another version.
 */
export type NoteFault = 'alien' | 'damaged' | 'version'

/** The bytes of a note, its checksum included. */
export function encodeNote(note: Note): Uint8Array {
  const writer = new ByteWriter(256).u8(noteVersion).u8(kinds[note.type]).raw(note.nonce)
  if (note.type === 'invitation') {
    writer.raw(note.appTag).raw(decodePeerId(note.peer)).u32(note.expiresAtSeconds)
    writer.text(note.transport)
  } else {
    writer.raw(decodePeerId(note.peer))
  }
  writer.bytes(note.description)
  return writer.u32(crc32(writer.view())).finish()
}

/** The note in the bytes, or why there is none. */
export function decodeNote(bytes: Uint8Array): Note | NoteFault {
  if (bytes.length <= checksumBytes || bytes.length > noteBytesMax) return 'damaged'
  const content = bytes.subarray(0, bytes.length - checksumBytes)
  const checksum = new ByteReader(bytes.subarray(content.length)).u32()
  if (checksum !== crc32(content)) return 'damaged'
  const reader = new ByteReader(content)
  if (reader.u8() !== noteVersion) return 'version'
  const kind = reader.u8()
  const note =
    kind === kinds.invitation
      ? readInvitation(reader)
      : kind === kinds.answer
        ? readAnswer(reader)
        : undefined
  // What is left over is for later versions of these fields, and ignored.
  return note === undefined || reader.failed ? 'alien' : note
}

function readInvitation(reader: ByteReader): InvitationNote {
  return {
    type: 'invitation',
    nonce: reader.raw(nonceBytes).slice(),
    appTag: reader.raw(noteTagBytes).slice(),
    peer: encodePeerId(reader.raw(peerIdBytes)),
    expiresAtSeconds: reader.u32(),
    transport: reader.text(transportNameBytesMax),
    description: reader.bytes(descriptionBytesMax).slice(),
  }
}

function readAnswer(reader: ByteReader): AnswerNote {
  return {
    type: 'answer',
    nonce: reader.raw(nonceBytes).slice(),
    peer: encodePeerId(reader.raw(peerIdBytes)),
    description: reader.bytes(descriptionBytesMax).slice(),
  }
}
