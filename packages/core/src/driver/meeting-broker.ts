/** What the facade asks of transports where two peers have nothing but a note each. */

import type { ChannelMeeting, MeetingId } from '../engine/input.ts'

/** An offer that stands. */
export interface OfferedMeetingPlace {
  /** Whose description it is. */
  readonly transport: string
  readonly description: Uint8Array
  /**
   * Takes the other end's description. Resolves when a channel is open and the engine knows of it;
   * rejects with a `DialFailure`, of which only `bad-address` leaves the offer as it was.
   */
  accept(answer: Uint8Array): Promise<void>
}

/** The other end of an offer. */
export interface JoinedMeetingPlace {
  readonly description: Uint8Array
  /** Resolves when a channel is open and the engine knows of it. */
  readonly opened: Promise<void>
}

/**
 * Runs meetings over the transports that can; `TransportBroker` is one. The signal ends a meeting, with
 * its own reason; what fails otherwise rejects with a `DialFailure`.
 */
export interface MeetingBroker {
  /** Offers over the first transport that can; undefined when none can. */
  offerMeeting(id: MeetingId, signal: AbortSignal): Promise<OfferedMeetingPlace | undefined>
  /** Joins what a peer has offered; undefined without a running transport of that name that can. */
  joinMeeting(
    meeting: Required<ChannelMeeting>,
    offer: { readonly transport: string; readonly description: Uint8Array },
    signal: AbortSignal,
  ): Promise<JoinedMeetingPlace | undefined>
}
