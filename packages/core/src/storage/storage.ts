/**
 * The storage port: an ordered key-value store with atomic, durable batches.
 *
 * The engine emits operations as data and gets answers later; a storage implementation turns them
 * into promises. Two engines never write to one store: each opening bumps the store's epoch, and a
 * batch of an earlier epoch is refused as `fenced`.
 */

/** Sections of a store. Adding one is a new format version. */
export const storageSpaces = ['meta', 'heads', 'rows', 'changes', 'checkpoints'] as const
export type StorageSpace = (typeof storageSpaces)[number]

/**
 * A key: 1 to 8 parts, compared part by part; a prefix sorts before what it begins. Order of kinds:
 * numbers (integers from 0 to 2^53 - 1), then strings (by UTF-16 code unit), then bytes (by octet).
 */
export type StorageKeyPart = number | string | Uint8Array
export type StorageKey = readonly StorageKeyPart[]

/** Values are text or bytes; what they mean is the engine's business. */
export type StorageValue = string | Uint8Array

export interface StorageEntry {
  readonly key: StorageKey
  readonly value: StorageValue
}

/** A question. All questions of one request see the same state of the store. */
export type StorageRead =
  | { readonly type: 'get'; readonly space: StorageSpace; readonly key: StorageKey }
  /** Entries whose key begins with `prefix`, in key order, strictly after `after`, at most `limit`. */
  | {
      readonly type: 'list'
      readonly space: StorageSpace
      readonly prefix: StorageKey
      readonly after?: StorageKey
      readonly limit: number
    }

/** The answer to one question: `get` gives zero or one entry. */
export type StorageReadResult = readonly StorageEntry[]

export type StorageWrite =
  | {
      readonly type: 'put'
      readonly space: StorageSpace
      readonly key: StorageKey
      readonly value: StorageValue
    }
  | { readonly type: 'delete'; readonly space: StorageSpace; readonly key: StorageKey }
  /** Deletes every entry whose key begins with `prefix`; an empty prefix empties the space. */
  | { readonly type: 'delete-prefix'; readonly space: StorageSpace; readonly prefix: StorageKey }

/** Why storage failed; after `fenced` and `closed` the store is of no more use to this engine. */
export type StorageFailureReason =
  'quota' | 'fenced' | 'in-use' | 'version' | 'corrupt' | 'io' | 'closed'

/** A storage operation that failed: nothing of a failed write is kept. */
export class StorageFailure extends Error {
  readonly reason: StorageFailureReason

  constructor(reason: StorageFailureReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StorageFailure'
    this.reason = reason
  }
}

/** What opening a store tells. */
export interface StorageOpening {
  /** Count of openings of this store, this one included; the engine's boot epoch. */
  readonly epoch: number
  /** Version of the format the store was written in, after any migration. */
  readonly formatVersion: number
  /** The store did not exist before. */
  readonly created: boolean
}

/** A store. Every method rejects with `StorageFailure` and with nothing else. */
export interface Storage {
  /** Opens or creates the store and claims it by bumping its epoch. Called once. */
  open(): Promise<StorageOpening>
  /** Answers the reads in order, from one consistent snapshot. */
  read(reads: readonly StorageRead[]): Promise<readonly StorageReadResult[]>
  /** Applies all writes in order, or none; resolves when they are durable. */
  write(writes: readonly StorageWrite[]): Promise<void>
  /** Waits for writes under way, then closes. Idempotent. */
  close(): Promise<void>
}
