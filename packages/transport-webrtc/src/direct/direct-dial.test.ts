import type { DialFailure } from '@fieldmesh/core/transport'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dialDirectly } from './direct-dial.ts'
import type { DialStage, DirectConnectionEvents } from './direct-dial.ts'

const address = { host: '192.168.1.2', port: 1, fingerprint: new Uint8Array(32) }
let stage: DialStage
let events: DirectConnectionEvents
let destroyed: boolean
let failures: DialFailure[]

beforeEach(() => {
  vi.useFakeTimers()
  destroyed = false
  failures = []
})
afterEach(() => {
  vi.useRealTimers()
})

function dial(): () => void {
  return dialDirectly(
    (_address, _handOver, given) => {
      events = given
      return {
        get stage() {
          return stage
        },
        destroy: () => {
          destroyed = true
        },
      }
    },
    { address, text: 'the-address' },
    undefined,
    { opened: () => undefined, failed: (failure) => failures.push(failure) },
  )
}

test.each([
  ['waiting', 'not-permitted'],
  ['checking', 'unreachable'],
  ['path', 'timeout'],
] as const)('[DR18] a dial that hangs %s fails as %s after 8 s', (reached, reason) => {
  stage = reached
  dial()
  vi.advanceTimersByTime(7999)
  expect(failures).toEqual([])
  vi.advanceTimersByTime(1)
  expect(failures).toMatchObject([{ reason }])
  expect(failures[0]?.message).toContain('the-address: ')
  expect(destroyed).toBe(true)
})

test.each([
  ['checking', 'unreachable'],
  ['path', 'unreachable'],
  ['other-certificate', 'certificate-mismatch'],
] as const)('[DR18] a dial whose connection fails at %s has failed as %s', (reached, reason) => {
  stage = reached
  dial()
  const cause = new Error('why')
  events.failed(cause)
  expect(failures).toMatchObject([{ reason, cause }])
  vi.advanceTimersByTime(10_000)
  expect(failures).toHaveLength(1)
})

test('a dial that is given up says nothing more', () => {
  stage = 'checking'
  dial()()
  expect(destroyed).toBe(true)
  vi.advanceTimersByTime(10_000)
  expect(failures).toEqual([])
})
