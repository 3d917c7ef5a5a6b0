/** Merging the Yjs updates of many keystrokes into one. */

import { mergeUpdates as mergeAll } from 'yjs'

/**
 * Yjs merges `n` updates in about n² steps, so they are merged by so many, and the results again:
 * keystrokes next to each other become one piece of text in the first round.
 */
const mergedAtOnceMax = 16

/** One update that says what the given ones say together. At least one is given. */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let merged = [...updates]
  while (merged.length > 1) {
    const next: Uint8Array[] = []
    for (let start = 0; start < merged.length; start += mergedAtOnceMax) {
      const group = merged.slice(start, start + mergedAtOnceMax)
      next.push(group.length === 1 ? group[0]! : mergeAll(group))
    }
    merged = next
  }
  return merged[0]!
}
