import { expect, test } from 'vitest'
import { contentAfter, firstKeystrokes, generateTrace, loadEditingTrace } from './editing-trace.ts'

test('a trace is generated the same each time, of single characters, most of them inserted', () => {
  const trace = generateTrace(2_000)
  expect(generateTrace(2_000)).toEqual(trace)
  expect(trace.keystrokes).toHaveLength(2_000)
  expect(trace.keystrokes.every(([, deleted, text]) => deleted + text.length === 1)).toBe(true)
  const insertions = trace.keystrokes.filter(([, deleted]) => deleted === 0).length
  expect(insertions / 2_000).toBeGreaterThan(0.6)
  expect(insertions / 2_000).toBeLessThan(0.8)
  expect(trace.endContent).toHaveLength(2 * insertions - 2_000)
})

test('the end content is what the keystrokes make', () => {
  const trace = loadEditingTrace()
  expect(trace.keystrokes).toHaveLength(259_778)
  expect(contentAfter(trace.keystrokes)).toBe(trace.endContent)
})

test('the beginning of a trace ends in the content of then', () => {
  const keystrokes = [
    [0, 0, 't'],
    [1, 0, 'a'],
    [1, 1, ''],
    [1, 0, 'e'],
  ] as const
  const trace = { name: 'tea', keystrokes, endContent: 'te' }
  expect(firstKeystrokes(trace, 2).endContent).toBe('ta')
  expect(firstKeystrokes(trace, 3).endContent).toBe('t')
  expect(firstKeystrokes(trace, 4)).toBe(trace)
})
