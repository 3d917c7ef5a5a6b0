/** Operations on versions. A version is never changed in place: each operation gives a new one. */

import { equalBytes } from '../bytes/compare.ts'
import { addDigests, emptyDigest } from './digest.ts'
import type { Version, VersionEntry, Writer } from './version.ts'

/** Most writers of one document; a change of one more is refused, and a longer version malformed. */
export const versionEntriesMax = 4096

/** Negative, zero or positive: the order of a version's entries, by peer, then epoch. */
export function compareWriters(left: Writer, right: Writer): number {
  if (left.peer !== right.peer) return left.peer < right.peer ? -1 : 1
  return left.epoch - right.epoch
}

/** A text that no other writer has, for keys of maps. */
export function writerText(writer: Writer): string {
  return `${writer.peer}-${writer.epoch}`
}

/** How far the version has followed that writer, if at all. Binary search. */
export function entryOf(version: Version, writer: Writer): VersionEntry | undefined {
  const entry = version[lowerBound(version, writer)]
  return entry !== undefined && compareWriters(entry, writer) === 0 ? entry : undefined
}

/** Whether the writer's change `seq`, and so each before it, is held. */
export function holds(version: Version, writer: Writer, seq: number): boolean {
  return (entryOf(version, writer)?.seq ?? 0) >= seq
}

/** The version with this entry in the place of the writer's former one. */
export function withEntry(version: Version, entry: VersionEntry): Version {
  const at = lowerBound(version, entry)
  const replaced = version[at]
  const kept = replaced !== undefined && compareWriters(replaced, entry) === 0 ? at + 1 : at
  return [...version.slice(0, at), entry, ...version.slice(kept)]
}

/**
 * The least version that holds what both hold: the entry with the larger sequence number for each
 * writer. `undefined` when they contradict each other: one sequence number, two digests.
 */
export function mergeVersions(left: Version, right: Version): Version | undefined {
  const merged: VersionEntry[] = []
  let leftIndex = 0
  let rightIndex = 0
  while (leftIndex < left.length || rightIndex < right.length) {
    const leftEntry = left[leftIndex]
    const rightEntry = right[rightIndex]
    const order = compareEntries(leftEntry, rightEntry)
    if (order <= 0) leftIndex += 1
    if (order >= 0) rightIndex += 1
    const entry = order < 0 ? leftEntry : order > 0 ? rightEntry : laterOf(leftEntry, rightEntry)
    if (entry === undefined) return undefined
    merged.push(entry)
  }
  return merged
}

/** Sum of the entries' digests: equal for equal sets of changes. */
export function versionDigest(version: Version): Uint8Array {
  return version.reduce((sum, entry) => addDigests(sum, entry.digest), emptyDigest())
}

function compareEntries(left: VersionEntry | undefined, right: VersionEntry | undefined): number {
  if (left === undefined) return 1
  if (right === undefined) return -1
  return compareWriters(left, right)
}

function laterOf(
  left: VersionEntry | undefined,
  right: VersionEntry | undefined,
): VersionEntry | undefined {
  if (left === undefined || right === undefined) return undefined
  if (left.seq !== right.seq) return left.seq > right.seq ? left : right
  return equalBytes(left.digest, right.digest) ? left : undefined
}

function lowerBound(version: Version, writer: Writer): number {
  let low = 0
  let high = version.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareWriters(version[middle]!, writer) < 0) low = middle + 1
    else high = middle
  }
  return low
}
