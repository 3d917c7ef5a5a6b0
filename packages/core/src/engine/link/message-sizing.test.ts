import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { MessageSizing } from './message-sizing.ts'
import {
  decodeProbeAnswer,
  decodeSizeProbe,
  encodeProbeAnswer,
  encodeSizeProbe,
} from './size-probe.ts'

const bluetooth = { claimedBytes: 512, safeBytes: 20, startsWithClaim: true }
const datagrams = { claimedBytes: 8952, safeBytes: 1200, startsWithClaim: false }

/** Lets the sizing probe a channel for that long; gives the lengths that were tried. */
function explore(
  sizing: MessageSizing,
  passes: (bytes: number) => number | undefined,
  { fromMs = 0, forMs = 60_000, usefulBytes = 65_535 } = {},
): number[] {
  const tried: number[] = []
  for (let nowMs = fromMs; nowMs <= fromMs + forMs; nowMs += 50) {
    if (nowMs >= sizing.nextDeadlineMs()) sizing.handleDeadline(nowMs)
    const probe = sizing.takeProbe(usefulBytes, nowMs)
    if (!probe) continue
    tried.push(probe.messageBytes)
    const arrived = passes(probe.messageBytes)
    if (arrived !== undefined)
      sizing.answered({ number: probe.number, messageBytes: arrived }, nowMs)
  }
  return tried
}

function started(options: typeof bluetooth): MessageSizing {
  const sizing = new MessageSizing(options)
  sizing.start(0)
  return sizing
}

describe('[LK26] the length of messages', () => {
  test('is the safe one until a longer one has arrived, and that is asked once', () => {
    const sizing = new MessageSizing(bluetooth)
    expect(sizing.bytes).toBe(20)
    expect(sizing.takeProbe(65_535, 0)).toBe(undefined)
    sizing.start(0)
    expect(explore(sizing, (bytes) => bytes)).toEqual([512])
    expect(sizing.bytes).toBe(512)
    expect(sizing.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('is what arrives of a probe that is cut', () => {
    const sizing = started(bluetooth)
    expect(explore(sizing, () => 182)).toEqual([512])
    expect(sizing.bytes).toBe(182)
  })

  test('is found upwards where longer ones vanish, each tried five times', () => {
    const sizing = started(bluetooth)
    const tried = explore(sizing, (bytes) => (bytes <= 200 ? bytes : undefined))
    expect(tried).toEqual([512, 64, 128, 182, 244, 244, 244, 244, 244])
    expect(sizing.bytes).toBe(182)
  })

  test('grows with what is of use, on channels of datagrams from below', () => {
    const sizing = started(datagrams)
    expect(explore(sizing, (bytes) => bytes, { usefulBytes: 1452 })).toEqual([1452])
    expect(explore(sizing, (bytes) => bytes, { fromMs: 60_000 })).toEqual([8952])
    expect(sizing.bytes).toBe(8952)
  })

  test('is probed again ten minutes later', () => {
    const sizing = started(datagrams)
    explore(sizing, () => undefined)
    expect(sizing.bytes).toBe(1200)
    expect(explore(sizing, (bytes) => bytes, { fromMs: 60_000, forMs: 540_000 })).toEqual([])
    expect(explore(sizing, (bytes) => bytes, { fromMs: 600_000 })).toEqual([1452, 8952])
  })

  test('needs no probe where the safe one is all that is claimed', () => {
    const sizing = started({ claimedBytes: 1000, safeBytes: 1200, startsWithClaim: false })
    expect(explore(sizing, (bytes) => bytes)).toEqual([])
    expect(sizing.bytes).toBe(1000)
  })

  test('does not follow answers that nobody asked for', () => {
    const sizing = started(datagrams)
    const early = { number: 1, messageBytes: 1452 }
    sizing.answered(early, 0)
    expect(sizing.bytes).toBe(1200)
    const probe = sizing.takeProbe(65_535, 0)!
    sizing.answered({ number: (probe.number + 1) % 256, messageBytes: 1452 }, 1)
    sizing.answered({ number: probe.number, messageBytes: 8952 }, 1)
    expect(sizing.bytes).toBe(1200)
    sizing.answered({ number: probe.number, messageBytes: 3 }, 1)
    expect(sizing.bytes).toBe(1200)
  })
})

describe('[LK27] messages that do not arrive any more', () => {
  /** Loses a message in so many round trips. */
  function lose(sizing: MessageSizing, bytes: number, rounds: number, fromMs: number): boolean {
    let fell = false
    for (let round = 0; round < rounds; round += 1) {
      const nowMs = fromMs + round * 100 + 100
      fell = sizing.lost(bytes, nowMs - 100, nowMs) || fell
    }
    return fell
  }

  test('make them as short as is safe, after six round trips, for a minute', () => {
    const sizing = started(datagrams)
    explore(sizing, (bytes) => bytes)
    expect(lose(sizing, 8000, 5, 60_000)).toBe(false)
    expect(lose(sizing, 8000, 1, 61_000)).toBe(true)
    expect(sizing.bytes).toBe(1200)
    expect(explore(sizing, (bytes) => bytes, { fromMs: 61_000, forMs: 50_000 })).toEqual([])
    expect(explore(sizing, (bytes) => bytes, { fromMs: 121_200 })).toEqual([1452, 8952])
  })

  test('make them half as long where even that does not arrive', () => {
    const sizing = started(datagrams)
    explore(sizing, () => undefined)
    expect(lose(sizing, 1200, 6, 60_000)).toBe(true)
    expect(sizing.bytes).toBe(600)
    expect(lose(sizing, 600, 6, 61_000)).toBe(true)
    expect(sizing.bytes).toBe(300)
    for (let round = 0; round < 10; round += 1) lose(sizing, sizing.bytes, 6, 70_000 + round * 1000)
    expect(sizing.bytes).toBe(20)
  })

  test('are not those that one outage took, nor those lost by chance', () => {
    const sizing = started(datagrams)
    explore(sizing, (bytes) => bytes)
    for (let count = 0; count < 100; count += 1) {
      expect(sizing.lost(8952, 60_000 + count, 62_000)).toBe(false)
    }
    for (let round = 0; round < 50; round += 1) {
      expect(lose(sizing, 8952, 3, 70_000 + round * 1000)).toBe(false)
      sizing.arrived(8952)
    }
    expect(lose(sizing, 100, 50, 200_000)).toBe(false)
    expect(sizing.bytes).toBe(8952)
  })

  test('but do in parts, make them as long as those parts at the second time in a row', () => {
    const sizing = new MessageSizing(datagrams)
    expect(sizing.passedInParts(180, 90, 1000)).toBe(false)
    sizing.arrived(500)
    expect(sizing.passedInParts(180, 90, 1000)).toBe(false)
    sizing.arrived(100)
    expect(sizing.passedInParts(180, 90, 1000)).toBe(true)
    expect(sizing.bytes).toBe(90)
    expect(sizing.passedInParts(180, 45, 1000)).toBe(false)
    expect(sizing.passedInParts(180, 45, 1000)).toBe(false)
    sizing.start(3000)
    expect(explore(sizing, (bytes) => bytes, { fromMs: 4000 }).at(-1)).toBe(8952)
  })
})

describe('[LK26] probes and their answers', () => {
  test('say what was said, however little of a probe arrives', () => {
    const anyFields = fc.record({ number: fc.nat(255), messageBytes: fc.nat(65_535) })
    fc.assert(
      fc.property(anyFields, fc.integer({ min: 5, max: 400 }), (fields, bytes) => {
        const probe = encodeSizeProbe(fields, Math.max(20, bytes))
        expect(probe).toHaveLength(Math.max(20, bytes))
        expect(decodeSizeProbe(probe.subarray(0, bytes))).toEqual(fields)
        expect(decodeSizeProbe(probe.subarray(0, 4))).toBe(undefined)
        expect(decodeProbeAnswer(encodeProbeAnswer(fields))).toEqual(fields)
        expect(decodeProbeAnswer(probe)).toBe(undefined)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        decodeSizeProbe(bytes)
        decodeProbeAnswer(bytes)
      }),
    )
  })
})
