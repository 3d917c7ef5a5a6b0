/** The mesh as an application sees it. */

import type { Problem } from '../engine/problem.ts'
import type { SyncStatus, WriteId } from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { LinkAccount } from '../engine/mesh/link-plan/link-account.ts'
import type { Collection, CollectionRow, Cursor } from './collection.ts'
import type { Diagnosis } from './diagnosis.ts'
import type { MeshEnvironment } from './environment.ts'
import type { Invitation, InviteOptions, Joining, JoinOptions } from './invitation.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { MeshStream, OpenStreamOptions } from './mesh-stream.ts'
import type { Observation } from './observation.ts'
import type { Presence } from './presence.ts'
import type { SharedDocument } from './shared-document.ts'

/** Something that a person should know, such as a peer with another secret. */
export interface MeshProblem extends Problem {
  /** The peer that it is about, where it is known. */
  readonly peer?: PeerId
}

/** A running peer of a mesh. Every call on it after `close` rejects with `mesh-closed`. */
export interface Mesh {
  /** This peer's own id. It stays the same as long as the store does. */
  readonly peer: PeerId
  readonly app: string
  readonly environment: MeshEnvironment
  readonly presence: Presence
  /** Sleep, page and network: each transition, and what told of it. */
  readonly lifecycle: Lifecycle
  /**
   * The documents of that name: a letter, then up to 63 letters, digits, `_` and `-`. Collections
   * need not be declared.
   */
  collection<R extends CollectionRow>(name: string): Collection<R>
  /** Opens a free document: 1 to 256 characters of name. */
  document(name: string, options?: { readonly signal?: AbortSignal }): Promise<SharedDocument>
  /**
   * Asks to hold what the query matches. For the time being every peer holds everything, so this
   * changes nothing yet; an application that subscribes to what it shows stays right later.
   */
  subscribe<R>(query: Cursor<R>): Observation
  /**
   * Opens a stream of bytes to a peer that the mesh can reach, over however many links. Waits up to
   * 10 s for a connection and for room, then rejects with `peer-unreachable` or `limit-reached`.
   * It does not wait for the other end to accept: where nobody accepts the protocol, reading and
   * writing fail with `stream-refused`.
   */
  openStream(peer: PeerId | string, options: OpenStreamOptions): Promise<MeshStream>
  /**
   * Calls with each stream of that protocol that a peer opens, until it is stopped; streams that are
   * open stay so. One acceptor a protocol: another throws `options-invalid`.
   */
  acceptStreams(protocol: string, acceptor: (stream: MeshStream) => void): Observation
  /**
   * Invites a peer that no network service leads to: what both need to connect is in two texts, which
   * people carry. Takes up to 5 s to find out how this peer is reached. Several invitations may stand at
   * once, each for one peer; at most 16 are under way, then `limit-reached`. Rejects with
   * `invitation-unsupported` without a transport that can.
   */
  invite(options?: InviteOptions): Promise<Invitation>
  /**
   * Answers an invitation of another peer. Rejects with `invitation-malformed`, `invitation-damaged`,
   * `invitation-version`, `invitation-expired`, `invitation-used`, `invitation-own`, `app-mismatch`,
   * `invitation-unsupported`, `invitation-failed` or `limit-reached`; any text may be handed in.
   */
  join(invitation: string, options?: JoinOptions): Promise<Joining>
  /**
   * Where each peer stands that a link may lead to, and each address: linked, being dialled, waiting or not
   * wanted; since when, why, and when it is tried again. As of this moment.
   */
  links(): Promise<readonly LinkAccount[]>
  /** Which peers are known to hold a write. */
  syncStatus(write: WriteId): Promise<SyncStatus>
  /** Why peers are not reached: the causes that are known at this moment, and what to do about each. */
  diagnose(): Promise<Diagnosis>
  /** Calls with each problem of the last 32, then with each new one. */
  onProblem(observer: (problem: MeshProblem) => void): Observation
  /** Resolves when the mesh has ended, with the problem that ended it, if it was one. Never rejects. */
  readonly ended: Promise<MeshProblem | undefined>
  /**
   * Says farewell, finishes what is being written, and leaves nothing behind: transports, worker,
   * timers and listeners are gone when it resolves; calls under way reject with `mesh-closed`.
   * Idempotent.
   */
  close(): Promise<void>
}
