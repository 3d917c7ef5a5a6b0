/** An invitation as whoever invites holds it (rules IV13 and IV14 of docs/specs/invitation.md). */

import type { OfferedMeetingPlace } from '../driver/meeting-broker.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { DialFailure } from '../transport/transport.ts'
import {
  closedError,
  expiredError,
  meetingError,
  readAnswer,
  usedError,
} from './invitation-errors.ts'
import type { Invitation } from './invitation.ts'
import type { MeetingAttempt } from './meeting-attempt.ts'

export interface OpenInvitationOptions {
  readonly text: string
  readonly expiresAtMs: number
  readonly nonce: Uint8Array
  /** This peer. */
  readonly peer: PeerId
  readonly attempt: MeetingAttempt
  readonly offered: OfferedMeetingPlace
}

/** See the file header. */
export class OpenInvitation implements Invitation {
  readonly text: string
  readonly expiresAtMs: number
  readonly #options: OpenInvitationOptions
  #isUsed = false

  constructor(options: OpenInvitationOptions) {
    this.#options = options
    this.text = options.text
    this.expiresAtMs = options.expiresAtMs
  }

  async accept(answer: string): Promise<PeerId> {
    const { nonce, peer, attempt, offered } = this.#options
    const { description } = readAnswer(answer, nonce, peer)
    if (this.#isUsed) throw usedError()
    attempt.signal.throwIfAborted()
    this.#isUsed = true
    // The transport has its own patience from here on.
    attempt.stopTimer()
    try {
      await offered.accept(description)
      return await attempt.met
    } catch (error) {
      const told = meetingError(error) as Error
      if (error instanceof DialFailure && error.reason === 'bad-address') {
        this.#isUsed = false
        attempt.endAt(this.expiresAtMs, () => expiredError(this.expiresAtMs))
      } else {
        attempt.end(told)
      }
      throw told
    }
  }

  close(): void {
    this.#options.attempt.end(closedError())
  }
}
