/** Broken invariants of our own: the engine stops with a report, it does not guess. */

/** Throws when a condition that this code base guarantees does not hold. Never for outside input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`)
}

/** Ends a `switch` over a closed union; reaching it is a broken invariant. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: unexpected ${JSON.stringify(value)}`)
}
