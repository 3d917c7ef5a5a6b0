/**
 * What sync sees of the local documents. Calls go down, answers come up through `poll`; everything
 * that touches storage is answered later, by request id.
 */

import type { DocumentHead } from '../../documents/head.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { Change, DocumentKey } from './change.ts'
import type { Version } from './version.ts'

/** Chosen by the caller; unique among its outstanding requests. */
export type ReplicaRequestId = number

/** A document's identity and state, as listed for comparison. */
export interface ListedHead {
  readonly document: DocumentKey
  readonly digest: Uint8Array
}

/** What a peer needs of one document beyond `version`. */
export interface ChangesWanted {
  readonly document: DocumentKey
  readonly version: Version
}

/** A unit handed from peer to peer. */
export type Delivery =
  | { readonly type: 'change'; readonly change: Change }
  /** Where the changes themselves were swallowed: the merged state and the head it stands for. */
  | {
      readonly type: 'checkpoint'
      readonly document: DocumentKey
      readonly head: DocumentHead
      /** Yjs updates of at most 64 KiB each, in causal order; none for a deleted document. */
      readonly updates: readonly Uint8Array[]
    }

/** What became of one delivery. */
export type DeliveryOutcome =
  /** Durable here now; pass it on. */
  | 'applied'
  /** Held already. */
  | 'known'
  /** An earlier change of its writer to one of its documents is missing; ask for that first. */
  | 'gap'
  /** Malformed, over a limit, or contradicting what is held; counted, nothing changed. */
  | 'refused'
  /** Storage failed; nothing changed, ask again later. */
  | 'failed'

export interface ReplicaPort {
  /** Sum of the digests of all heads, 16 bytes: equal on two peers that hold the same changes. */
  rootDigest(): Uint8Array
  /** Lists heads in key order after `after`; answered by `heads-listed`. */
  listHeads(
    request: ReplicaRequestId,
    after: DocumentKey | undefined,
    limit: number,
    nowMs: number,
  ): void
  /** Reads the heads of these documents; answered by `heads-read`, absent documents left out. */
  readHeads(request: ReplicaRequestId, documents: readonly DocumentKey[], nowMs: number): void
  /**
   * Reads what is missing beyond the given versions, oldest first per writer, until about
   * `bytesMax`; answered by `changes-read`.
   */
  readChanges(
    request: ReplicaRequestId,
    wanted: readonly ChangesWanted[],
    bytesMax: number,
    nowMs: number,
  ): void
  /** Applies what a peer sent; answered by `applied` with one outcome each, once durable. */
  apply(
    request: ReplicaRequestId,
    from: PeerId,
    deliveries: readonly Delivery[],
    nowMs: number,
  ): void
}

/** What the replica tells sync. */
export type ReplicaNotice =
  | {
      readonly type: 'heads-listed'
      readonly request: ReplicaRequestId
      readonly heads: readonly ListedHead[]
      /** There are more after the last one. */
      readonly more: boolean
    }
  | {
      readonly type: 'heads-read'
      readonly request: ReplicaRequestId
      readonly heads: readonly { readonly document: DocumentKey; readonly head: DocumentHead }[]
    }
  | {
      readonly type: 'changes-read'
      readonly request: ReplicaRequestId
      readonly deliveries: readonly Delivery[]
      /** The bound on bytes cut the answer short. */
      readonly more: boolean
    }
  | {
      readonly type: 'applied'
      readonly request: ReplicaRequestId
      readonly outcomes: readonly DeliveryOutcome[]
    }
  /** A local change has become durable: it may leave now. */
  | { readonly type: 'committed'; readonly change: Change }
