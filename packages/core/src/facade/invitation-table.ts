/**
 * The invitations of one mesh that are under way, its own and those that it answers
 * (rules IV12 to IV16 of docs/specs/invitation.md).
 */

import type { MeetingBroker } from '../driver/meeting-broker.ts'
import type { MeetingOutcome } from '../engine/command.ts'
import { equalBytes } from '../engine/bytes/compare.ts'
import { encodeHex } from '../engine/bytes/hex.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { MeetingId } from '../engine/input.ts'
import { nonceBytes } from '../invitation/note.ts'
import { encodeNoteText } from '../invitation/note-text.ts'
import { invalid } from './checked-options.ts'
import type { CommandCaller } from './engine-access.ts'
import type { Invitation, InviteOptions, Joining, JoinOptions } from './invitation.ts'
import {
  closedError,
  expiredError,
  meetingError,
  readInvitation,
  unsupportedError,
  usedError,
} from './invitation-errors.ts'
import { MeetingAttempt } from './meeting-attempt.ts'
import { MeshError } from './mesh-error.ts'
import { OpenInvitation } from './open-invitation.ts'

/** Invitations under way, of both sorts together; each holds a peer connection open. */
const invitationsMax = 16
/** Invitations remembered to have been answered; the oldest are forgotten. */
const answeredMax = 64
/** How long an invitation stands when the application does not say. */
const lifetimeMsDefault = 600_000
/** Longest time that an invitation stands. */
const lifetimeMsMax = 3_600_000
/** Shortest time that an invitation stands. */
const lifetimeMsMin = 1_000
/**
 * How much later than the inviter's the own clock may be: devices without a network have nobody to set
 * it. Whoever invited knows when its invitation is over, so this only spares a wait in vain.
 */
const clockSkewMsMax = 300_000

export interface InvitationTableOptions {
  readonly peer: PeerId
  readonly meetings: MeetingBroker
  readonly commands: CommandCaller
}

/** See the file header. */
export class InvitationTable {
  readonly #peer: PeerId
  readonly #commands: CommandCaller
  /** Undefined when the mesh has ended, whose transports are let go of then. */
  #meetings: MeetingBroker | undefined
  readonly #attempts = new Map<MeetingId, MeetingAttempt>()
  /** Numbers of invitations that were answered, and have not failed since. */
  readonly #answered = new Set<string>()
  #attemptCount = 0

  constructor({ peer, commands, meetings }: InvitationTableOptions) {
    this.#peer = peer
    this.#commands = commands
    this.#meetings = meetings
  }

  async invite({ lifetimeMs = lifetimeMsDefault, signal }: InviteOptions): Promise<Invitation> {
    if (!(lifetimeMs >= lifetimeMsMin && lifetimeMs <= lifetimeMsMax)) {
      throw invalid(`lifetimeMs is ${lifetimeMs}; allowed are ${lifetimeMsMin} to ${lifetimeMsMax}`)
    }
    signal?.throwIfAborted()
    const attempt = this.#begin(signal)
    const expiresAtMs = Date.now() + lifetimeMs
    attempt.endAt(expiresAtMs, () => expiredError(expiresAtMs))
    return this.#ending(attempt, async () => {
      const offered = await this.#meetings?.offerMeeting(attempt.id, attempt.signal)
      if (!offered) throw unsupportedError('no transport of this mesh')
      const { transport, description } = offered
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
      const text = encodeNoteText({
        type: 'invitation',
        nonce,
        appTag: await this.#appTag(nonce),
        peer: this.#peer,
        expiresAtSeconds: Math.ceil(expiresAtMs / 1000),
        transport,
        description,
      })
      attempt.signal.throwIfAborted()
      return new OpenInvitation({ text, expiresAtMs, nonce, peer: this.#peer, attempt, offered })
    })
  }

  async join(text: string, { signal }: JoinOptions): Promise<Joining> {
    signal?.throwIfAborted()
    const note = readInvitation(text, this.#peer)
    if (!equalBytes(note.appTag, await this.#appTag(note.nonce))) {
      throw new MeshError('app-mismatch', 'the invitation is for another app')
    }
    const expiresAtMs = note.expiresAtSeconds * 1000
    const nowMs = Date.now()
    const endsAtMs = Math.min(expiresAtMs, nowMs + lifetimeMsMax) + clockSkewMsMax
    if (endsAtMs <= nowMs) throw expiredError(expiresAtMs)
    const number = encodeHex(note.nonce)
    if (this.#answered.has(number)) throw usedError()
    const attempt = this.#begin(signal)
    this.#remember(number)
    attempt.met.catch(() => this.#answered.delete(number))
    attempt.endAt(endsAtMs, () => expiredError(expiresAtMs))
    return this.#ending(attempt, async () => {
      const meeting = { id: attempt.id, expectedPeer: note.peer }
      const joined = await this.#meetings?.joinMeeting(meeting, note, attempt.signal)
      if (!joined) throw unsupportedError(`the transport ${note.transport} of this mesh`)
      joined.opened.catch((error: unknown) => attempt.end(meetingError(error)))
      const { nonce } = note
      const { description } = joined
      attempt.signal.throwIfAborted()
      return {
        answer: encodeNoteText({ type: 'answer', nonce, peer: this.#peer, description }),
        connected: attempt.met,
        close: () => attempt.end(closedError()),
      }
    })
  }

  /** The engine has come to know the other end of a meeting, or not. */
  ended(meeting: MeetingId, outcome: MeetingOutcome): void {
    this.#attempts.get(meeting)?.ended(outcome)
  }

  /** The mesh has ended. */
  end(error: MeshError): void {
    this.#meetings = undefined
    for (const attempt of this.#attempts.values()) attempt.end(error)
  }

  #begin(signal: AbortSignal | undefined): MeetingAttempt {
    if (this.#attempts.size >= invitationsMax) {
      throw new MeshError('limit-reached', `${invitationsMax} invitations are under way already`)
    }
    this.#attemptCount += 1
    const id = this.#attemptCount
    const attempt = new MeetingAttempt(id, signal, () => this.#attempts.delete(id))
    this.#attempts.set(id, attempt)
    return attempt
  }

  /** What `act` gives; its failure, as an error of ours, ends the attempt. */
  async #ending<T>(attempt: MeetingAttempt, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      const told = meetingError(error) as Error
      attempt.end(told)
      throw told
    }
  }

  async #appTag(salt: Uint8Array): Promise<Uint8Array> {
    return this.#commands.call({ type: 'app-tag', salt })
  }

  #remember(number: string): void {
    this.#answered.add(number)
    const [oldest] = this.#answered
    if (this.#answered.size > answeredMax && oldest !== undefined) this.#answered.delete(oldest)
  }
}
