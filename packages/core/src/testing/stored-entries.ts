/** What the conformance suite of storages writes, asks and expects, in short forms. */

import { compareKeys } from '../storage/key-order.ts'
import {
  StorageFailure,
  type Storage,
  type StorageEntry,
  type StorageFailureReason,
  type StorageKey,
  type StorageRead,
  type StorageSpace,
  type StorageValue,
  type StorageWrite,
} from '../storage/storage.ts'
import {
  assertEqual,
  AssertionFailure,
  assertRejects,
  assertThat,
  describeValue,
} from './assertions.ts'

/** Bytes from octets. */
export function bytes(...octets: readonly number[]): Uint8Array {
  return Uint8Array.from(octets)
}

/** A write that puts. */
export function put(space: StorageSpace, key: StorageKey, value: StorageValue): StorageWrite {
  return { type: 'put', space, key, value }
}

/** A write that deletes one entry. */
export function remove(space: StorageSpace, key: StorageKey): StorageWrite {
  return { type: 'delete', space, key }
}

/** A question for all that a space holds. */
export function list(space: StorageSpace): StorageRead {
  return { type: 'list', space, prefix: [], limit: 100_000 }
}

/** The entry of a key: one or none. */
export async function get(
  storage: Storage,
  space: StorageSpace,
  key: StorageKey,
): Promise<readonly StorageEntry[]> {
  const [entries = []] = await storage.read([{ type: 'get', space, key }])
  return entries
}

/** Fails unless an operation rejects with a `StorageFailure` of that reason. */
export async function assertFails(
  operation: Promise<unknown>,
  reason: StorageFailureReason,
): Promise<void> {
  const failure = await assertRejects(operation, `an operation that fails as ${reason}`)
  assertThat(
    failure instanceof StorageFailure,
    `the failure is no StorageFailure: ${String(failure)}`,
  )
  assertEqual(failure.reason, reason, `the reason of "${failure.message}"`)
}

/** Fails unless a space holds these entries and no other, and each can be asked for by its key. */
export async function assertEntries(
  storage: Storage,
  space: StorageSpace,
  expected: readonly StorageEntry[],
): Promise<void> {
  const [listed = [], ...got] = await storage.read([
    list(space),
    ...expected.map(({ key }): StorageRead => ({ type: 'get', space, key })),
  ])
  assertEntriesEqual(listed, expected, `the content of ${space}`)
  assertEntriesEqual(got.flat(), expected, `what is asked for by key in ${space}`)
}

/** Fails, naming the first difference, unless both are the same entries in the same order. */
export function assertEntriesEqual(
  actual: readonly StorageEntry[],
  expected: readonly StorageEntry[],
  what: string,
): void {
  assertEqual(actual.length, expected.length, `the number of entries in ${what}`)
  for (const [index, entry] of actual.entries()) {
    const wanted = expected[index]!
    if (equalEntries(entry, wanted)) continue
    // Written only when needed: values can be large.
    const [is, should] = [describeValue(entry), describeValue(wanted)]
    throw new AssertionFailure(`entry ${index} of ${what} is ${is}, expected ${should}`)
  }
}

function equalEntries(left: StorageEntry, right: StorageEntry): boolean {
  return equalParts(left.key, right.key) && equalParts([left.value], [right.value])
}

/** Of the same kinds as well: an `ArrayBuffer` is no `Uint8Array`. */
function equalParts(left: StorageKey, right: StorageKey): boolean {
  const proper = left.every((part) => typeof part !== 'object' || part instanceof Uint8Array)
  return proper && compareKeys(left, right) === 0
}
