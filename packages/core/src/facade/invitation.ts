/** Meeting without any network service, as an application sees it: two texts that people carry. */

import type { PeerId } from '../engine/identity/peer-id.ts'

export interface InviteOptions {
  /** How long it stands: 1 s to 1 h; default 10 min. */
  readonly lifetimeMs?: number
  /** Closes it, at any time; what is under way rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * An invitation for one peer of the same app and secret, good until it is answered, closed or too old.
 * It holds open what the other end will connect to, so it ends with the mesh.
 */
export interface Invitation {
  /** To be shown as a QR code or sent by any means: some 250 capitals and digits, no secret. */
  readonly text: string
  /** When it ends, on the clock of `Date.now`. */
  readonly expiresAtMs: number
  /**
   * Takes the text that `join` gave the other. Resolves with the peer once the two are neighbours. A text
   * that is no answer to this invitation is refused and changes nothing; with the first one that is, the
   * invitation is used, whatever becomes of it.
   */
  accept(answer: string): Promise<PeerId>
  /** Ends what is not connected yet. Idempotent. */
  close(): void
}

export interface JoinOptions {
  /** Gives up, at any time before the two are connected. */
  readonly signal?: AbortSignal
}

/** An invitation that was answered. */
export interface Joining {
  /** To be brought back to whoever invited, as the invitation came. */
  readonly answer: string
  /**
   * Resolves with the peer once the two are neighbours; rejects when the invitation's time is over. Need
   * not be waited for.
   */
  readonly connected: Promise<PeerId>
  /** Gives up what is not connected yet. Idempotent. */
  close(): void
}
