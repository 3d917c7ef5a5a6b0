import { describe, expect, test } from 'vitest'
import {
  RootCheck,
  comparisonRetryMsMax,
  comparisonRetryMsMin,
  comparisonSilenceMsMax,
  quietMs,
  quietWaitMsMax,
  rootCheckDelayMs,
  rootTellDelayMs,
} from './root-check.ts'

const never = Number.NEGATIVE_INFINITY

/** A driver that was found in step at 0. */
function inStep(): RootCheck {
  const check = new RootCheck(true, 0)
  expect(check.due(0, never)).toBe('ask')
  check.rootReceived(true, 0)
  expect(check.state).toBe('in-step')
  expect(check.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  return check
}

describe('[SY10] root check', () => {
  test('the driver asks at once, the other side waits to be asked', () => {
    expect(new RootCheck(true, 5).due(5, never)).toBe('ask')
    expect(new RootCheck(false, 5).nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('a check for a change waits for a pause', () => {
    const check = inStep()
    check.rootChanged(0)
    const atMs = check.nextDeadlineMs()
    expect(atMs).toBe(rootCheckDelayMs)
    expect(check.due(atMs, atMs - 500)).toBeUndefined()
    expect(check.nextDeadlineMs()).toBe(atMs - 500 + quietMs)
    expect(check.due(atMs - 500 + quietMs, atMs - 500)).toBe('ask')
  })

  test('but not for ever', () => {
    const check = inStep()
    check.rootChanged(0)
    let atMs = check.nextDeadlineMs()
    // Somebody types without end.
    while (check.due(atMs, atMs) === undefined) atMs = check.nextDeadlineMs()
    expect(atMs).toBe(rootCheckDelayMs + quietWaitMsMax)
  })

  test('a suspicion does not wait for a pause', () => {
    const check = inStep()
    check.suspect(100)
    expect(check.nextDeadlineMs()).toBe(100 + comparisonRetryMsMin)
    expect(check.due(100 + comparisonRetryMsMin, 100 + comparisonRetryMsMin)).toBe('ask')
  })

  test('after a comparison roots are checked once more, then ever more rarely', () => {
    const check = new RootCheck(true, 0)
    let atMs = 0
    const delaysMs: number[] = []
    for (let round = 0; round < 9; round += 1) {
      expect(check.due(atMs, never)).toBe('ask')
      expect(check.rootReceived(false, atMs)).toBe(true)
      expect(check.state).toBe('comparing')
      check.compared()
      expect(check.rootReceived(false, atMs)).toBe(false)
      delaysMs.push(check.nextDeadlineMs() - atMs)
      atMs = check.nextDeadlineMs()
    }
    expect(delaysMs.slice(0, 3)).toEqual([1000, 2000, 4000])
    expect(delaysMs.at(-1)).toBe(comparisonRetryMsMax)
  })

  test('a comparison with a silent neighbour is given up', () => {
    const check = new RootCheck(true, 0)
    check.due(0, never)
    check.rootReceived(false, 0)
    check.heard(1000)
    expect(check.nextDeadlineMs()).toBe(1000 + comparisonSilenceMsMax)
    expect(check.due(comparisonSilenceMsMax, never)).toBeUndefined()
    expect(check.due(1000 + comparisonSilenceMsMax, never)).toBe('give-up')
    expect(check.state).toBe('apart')
  })

  test('the other side tells its root after a change, and never compares by itself', () => {
    const check = new RootCheck(false, 0)
    check.rootChanged(0)
    expect(check.due(rootTellDelayMs, never)).toBe('tell')
    expect(check.rootReceived(false, rootTellDelayMs)).toBe(false)
    expect(check.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })
})
