/**
 * The assertions of the conformance suites: they run in any test runner, in pages and in Node.
 *
 * A failed one throws an `AssertionFailure`, which every runner reports as a failed test.
 */

/** An expectation of a conformance suite that did not hold. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

/** Fails unless the condition holds. The message says what was expected. */
export function assertThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message)
}

/** Fails unless both are the same by value, for anything that JSON can write, and bytes. */
export function assertEqual<Value>(actual: Value, expected: Value, what: string): void {
  const [written, wanted] = [describeValue(actual), describeValue(expected)]
  if (written !== wanted) throw new AssertionFailure(`${what} is ${written}, expected ${wanted}`)
}

/** Waits for a rejection and returns what it was rejected with; fails if there is none. */
export async function assertRejects(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new AssertionFailure(`${what} succeeded, expected it to fail`)
}

/** A value as a failure writes it. Long ones are cut. */
export function describeValue(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Uint8Array) return `bytes(${part.length}) ${part.join(' ')}`
    if (part === undefined) return 'undefined'
    return typeof part === 'bigint' ? `${part}n` : part
  })
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text
}
