/** Reading the texts of invitations and answers, and what an application is told when that fails. */

import { unreachable } from '../engine/assert.ts'
import { equalBytes } from '../engine/bytes/compare.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { AnswerNote, InvitationNote, NoteFault } from '../invitation/note.ts'
import { decodeNoteText } from '../invitation/note-text.ts'
import { DialFailure } from '../transport/transport.ts'
import { MeshError } from './mesh-error.ts'

/** The invitation in the text. Throws `MeshError`. */
export function readInvitation(text: string, localPeer: PeerId): InvitationNote {
  const note = decodeNoteText(text)
  if (typeof note === 'string') throw faultError(note)
  if (note.type !== 'invitation') {
    throw new MeshError('invitation-malformed', 'the text is an answer, not an invitation')
  }
  if (note.peer === localPeer) throw ownError()
  return note
}

/** The answer in the text, to the invitation of that number. Throws `MeshError`. */
export function readAnswer(text: string, nonce: Uint8Array, localPeer: PeerId): AnswerNote {
  const note = decodeNoteText(text)
  if (typeof note === 'string') throw faultError(note)
  if (note.type !== 'answer') {
    throw new MeshError('invitation-malformed', 'the text is an invitation, not an answer')
  }
  if (note.peer === localPeer) throw ownError()
  if (!equalBytes(note.nonce, nonce)) {
    throw new MeshError('invitation-mismatch', 'the text answers another invitation')
  }
  return note
}

/** `expiresAtMs` is on the clock of `Date.now`. */
export function expiredError(expiresAtMs: number): MeshError {
  const at = new Date(expiresAtMs).toISOString()
  return new MeshError('invitation-expired', `the invitation stood until ${at}`)
}

export function closedError(): MeshError {
  return new MeshError('invitation-expired', 'the invitation was closed')
}

export function usedError(): MeshError {
  return new MeshError('invitation-used', 'the invitation was answered already')
}

/** `which` names the transports that were looked at. */
export function unsupportedError(which: string): MeshError {
  return new MeshError('invitation-unsupported', `${which} can meet by invitation`)
}

/** What became of a meeting in a transport; errors of ours and reasons of signals pass unchanged. */
export function meetingError(error: unknown): unknown {
  if (!(error instanceof DialFailure)) return error
  const code = error.reason === 'bad-address' ? 'invitation-malformed' : 'invitation-failed'
  return new MeshError(code, error.message, { cause: error })
}

function ownError(): MeshError {
  return new MeshError('invitation-own', 'the text is of this very peer')
}

function faultError(fault: NoteFault): MeshError {
  switch (fault) {
    case 'alien':
      return new MeshError('invitation-malformed', 'the text is no invitation and no answer')
    case 'damaged':
      return new MeshError('invitation-damaged', 'a part of the text is missing or changed')
    case 'version':
      return new MeshError('invitation-version', 'the text is of another version of Fieldmesh')
    default:
      return unreachable(fault)
  }
}
