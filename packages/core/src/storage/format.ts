/**
 * The version of the format that stores are written in: which spaces there are, how keys and values
 * are kept. What the engine puts into them has its own rules (docs/specs/storage.md).
 *
 * Each storage has a table of steps, of which step N makes version N + 1 of version N; version 0 is
 * the empty store. A new version adds a step to each, and a golden store that must still open.
 */

import { StorageFailure } from './storage.ts'

export const formatVersion = 1

/** The failure of opening a store that a later version of the library wrote. */
export function newerFormatFailure(version: number): StorageFailure {
  return new StorageFailure(
    'version',
    `The store is in format ${version}; this version of the library knows formats up to ` +
      `${formatVersion}. Update the application, or use another store.`,
  )
}

/** The failure of a write by an opening that a later one has taken the store from. */
export function fencedFailure(epoch: number, storeEpoch: number): StorageFailure {
  return new StorageFailure(
    'fenced',
    `The store was opened again elsewhere: this is opening ${epoch}, the last is ${storeEpoch}.`,
  )
}

/** The failure of an operation on a store that is not open. */
export function closedFailure(state: 'unopened' | 'closed'): StorageFailure {
  const message = state === 'closed' ? 'The store is closed.' : 'The store was not opened yet.'
  return new StorageFailure('closed', message)
}
