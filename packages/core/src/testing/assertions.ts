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
  const [written, wanted] = [textOf(actual), textOf(expected)]
  if (written === wanted) return
  const from = Math.max(0, firstDifference(written, wanted) - contextLength)
  throw new AssertionFailure(`${what} is ${cut(written, from)}, expected ${cut(wanted, from)}`)
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
  return cut(textOf(value), 0)
}

/** Longest text of a value in a message, in characters. */
const messageLengthMax = 400
/** What a message shows of two long values before they differ, in characters. */
const contextLength = 40

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Uint8Array) return `bytes(${part.length}) ${part.join(' ')}`
    if (part === undefined) return 'undefined'
    return typeof part === 'bigint' ? `${part}n` : part
  })
}

function cut(text: string, from: number): string {
  if (text.length <= messageLengthMax) return text
  const before = from > 0 ? '…' : ''
  const after = from + messageLengthMax < text.length ? '…' : ''
  const part = text.slice(from, from + messageLengthMax)
  return `${before}${part}${after} (${text.length} characters)`
}

function firstDifference(one: string, other: string): number {
  let index = 0
  while (index < one.length && one[index] === other[index]) index += 1
  return index
}
