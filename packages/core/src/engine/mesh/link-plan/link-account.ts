/** What this peer tells of each link that it has, seeks or does without (rule LP1). Plain data. */

import type { PeerId } from '../../identity/peer-id.ts'

/**
 * `linked`: there is a link. `dialling`: one is being opened. `waiting`: it is wanted, and not tried at
 * this moment. `not-wanted`: the peer is reached over others.
 */
export type LinkState = 'linked' | 'dialling' | 'waiting' | 'not-wanted'

/** Why a link is wanted, or why there is one. */
export type WantReason =
  /** This peer has fewer links than it strives for. */
  | 'lacking-links'
  /** A direct channel would be better than the one that the link has. */
  | 'better-channel'
  /** Now and then a link to the farthest peer takes the place of another, … */
  | 'distant'
  /** … or a link to anybody. */
  | 'random'
  /** One link alone joins this peer to a part of the mesh. */
  | 'only-path'

/** Why an address is dialled. */
export type AddressReason =
  /** The application gave it. */
  | 'configured'
  /** The peer that is said to be there is not reached in another way. */
  | 'unreachable'
  /** Nobody knows yet who is there. */
  | 'unknown-address'

/** Why there is no link, and none is being opened. */
export type IdleReason =
  /** This peer has as many links as it strives for. */
  | 'enough-links'
  /** One end dropped the link: it has enough, and reaches the other without it. */
  | 'surplus'
  /** The other one has as many links as anybody should. */
  | 'peer-full'
  /** Both ends want the link, and the other one is to dial. */
  | 'other-side-dials'
  /** As many links as may be are being opened. */
  | 'dials-running'
  /** Dials failed; it is tried again later. */
  | 'pausing'
  /** The transport says that no dial can succeed. */
  | 'impossible'
  /** No transport that both run can open a link through the mesh. */
  | 'no-shared-transport'
  /** Its presence record is still on the way. */
  | 'no-record'
  /** It cannot be reached. */
  | 'not-reachable'
  /** There is a link that is good enough. */
  | 'linked'

/** The other end opened the link. */
export type LinkReason = WantReason | AddressReason | IdleReason | 'accepted'

/** Where one peer, or one address at which nobody is known, stands. */
export interface LinkAccount {
  readonly state: LinkState
  readonly reason: LinkReason
  /** Undefined for an address at which nobody has answered. */
  readonly peer: PeerId | undefined
  readonly transport: string | undefined
  /** Of what is dialled by address. */
  readonly address: string | undefined
  /** How long it has been so, in milliseconds; undefined where nothing was ever decided. */
  readonly forMs: number | undefined
  /** When it is tried again, in milliseconds from now; undefined when it is not. */
  readonly nextTryInMs: number | undefined
  /** What became of the latest dial, if it failed. */
  readonly failure: string | undefined
}
