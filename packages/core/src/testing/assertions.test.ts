import { expect, test } from 'vitest'

import { assertEqual, describeValue } from './assertions.ts'

test('long values that differ at their end are not equal, and the message shows where', () => {
  const one = new Uint8Array(1_000)
  const other = one.slice()
  other[999] = 7
  expect(() => assertEqual(one, one.slice(), 'the message')).not.toThrow()
  expect(() => assertEqual(other, one, 'the message')).toThrow(
    /^the message is ….* 0 7" \(\d+ characters\), expected ….* 0 0" \(\d+ characters\)$/,
  )
})

test('a message holds at most 400 characters of a value', () => {
  expect(describeValue('a'.repeat(1_000))).toBe(`"${'a'.repeat(399)}… (1002 characters)`)
  expect(() => assertEqual('a'.repeat(1_000), 'b', 'the name')).toThrow(
    `the name is "${'a'.repeat(399)}… (1002 characters), expected "b"`,
  )
})
