import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { decodeHex, encodeHex } from '../bytes/hex.ts'
import {
  acknowledgedRangesMax,
  acknowledgementBytes,
  attemptModulus,
  decodeSequencedMessage,
  encodeSequencedMessage,
  expandSequence,
  fitAcknowledgement,
  headerBytes,
} from './sequence-header.ts'
import type { Acknowledgement, OffsetRange, SequencedMessage } from './sequence-header.ts'
import {
  decodeProbeAnswer,
  decodeSizeProbe,
  encodeProbeAnswer,
  encodeSizeProbe,
} from './size-probe.ts'
import type { ProbeFields } from './size-probe.ts'

interface MessageVector {
  readonly about: string
  readonly message: Omit<SequencedMessage, 'rest'> & { readonly rest: string }
  readonly bytes: string
}

interface RefusedVector {
  readonly about: string
  readonly bytes: string
  readonly outcome: 'malformed' | 'cut'
}

const vectors = JSON.parse(
  readFileSync(
    new URL('../../../../../docs/specs/vectors/link-sequence.json', import.meta.url),
    'utf8',
  ),
) as {
  readonly messages: readonly MessageVector[]
  readonly refused: readonly RefusedVector[]
  readonly probes: readonly (ProbeFields & { readonly about: string; readonly bytes: string })[]
  readonly answers: readonly (ProbeFields & { readonly payload: string })[]
  readonly sequences: readonly {
    readonly truncated: number
    readonly isWide: boolean
    readonly expected: number
    readonly sequence: number
  }[]
}

test.each(vectors.messages)('[LK17] [LK19] $about', ({ message, bytes }) => {
  const decoded = { ...message, rest: decodeHex(message.rest)! }
  expect(encodeHex(encodeSequencedMessage(decoded))).toBe(bytes)
  expect(decodeSequencedMessage(decodeHex(bytes)!)).toEqual(decoded)
})

test.each(vectors.refused)('[LK17] $about is $outcome', ({ bytes, outcome }) => {
  expect(decodeSequencedMessage(decodeHex(bytes)!)).toBe(outcome)
})

test.each(vectors.sequences)(
  '[LK18] $truncated is $sequence where $expected is expected',
  ({ truncated, isWide, expected, sequence }) => {
    expect(expandSequence(truncated, isWide, expected)).toBe(sequence)
  },
)

test.each(vectors.probes)('[LK26] $about', ({ number, messageBytes, bytes }) => {
  const fields = { number, messageBytes }
  expect(encodeHex(encodeSizeProbe(fields, bytes.length / 2))).toBe(bytes)
  expect(decodeSizeProbe(decodeHex(bytes)!)).toEqual(fields)
})

test.each(vectors.answers)('[LK26] answer $payload', ({ number, messageBytes, payload }) => {
  const fields = { number, messageBytes }
  expect(encodeHex(encodeProbeAnswer(fields))).toBe(payload)
  expect(decodeProbeAnswer(decodeHex(payload)!)).toEqual(fields)
})

const anyRanges = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 })), {
    maxLength: acknowledgedRangesMax,
  })
  .map((steps) => {
    const ranges: OffsetRange[] = []
    let end = 0
    for (const [gap, length] of steps) {
      const start = end + gap
      end = start + length
      ranges.unshift({ start, end })
    }
    return ranges
  })

const anyAcknowledgement: fc.Arbitrary<Acknowledgement> = fc.record({
  next: fc.nat(0xffff),
  delayMs: fc.nat(400).map((units) => units / 4),
  latestOffset: fc.integer({ min: -2048, max: 2048 }),
  latestAttempt: fc.nat(attemptModulus - 1),
  ranges: anyRanges,
})

const anyRest = fc.uint8Array({ minLength: 1, maxLength: 50 })

const anyMessage: fc.Arbitrary<SequencedMessage> = fc
  .record({
    isWide: fc.boolean(),
    atOnce: fc.boolean(),
    hasLength: fc.boolean(),
    rest: anyRest,
    kind: fc.constantFrom('nothing', 'whole', 'part', 'probe'),
    sequence: fc.nat(0xffff),
    attempt: fc.nat(attemptModulus - 1),
    offset: fc.nat(1000),
    beyond: fc.nat(1000),
    acknowledgement: fc.option(anyAcknowledgement, { nil: undefined }),
  })
  .map(({ kind, sequence, attempt, offset, beyond, acknowledgement, rest, ...others }) => {
    const part = { offset, total: offset + rest.length + beyond }
    const told = acknowledgement && { acknowledgement }
    const empty = { next: 0, delayMs: 0, latestOffset: -1, latestAttempt: 0, ranges: [] }
    switch (kind) {
      case 'nothing':
        return {
          ...others,
          acknowledgement: acknowledgement ?? empty,
          isProbe: false,
          rest: new Uint8Array(0),
        }
      case 'probe':
        return { ...others, ...told, isProbe: true, rest }
      default: {
        const place = { sequence, attempt, ...(kind === 'part' && { part }) }
        return { ...others, ...told, place, isProbe: false, rest }
      }
    }
  })

describe('[LK17] headers', () => {
  test('say what was said', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeSequencedMessage(encodeSequencedMessage(message))).toEqual(message)
      }),
    )
  })

  test('any bytes are a message, malformed or cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const decoded = decodeSequencedMessage(bytes)
        if (typeof decoded === 'string') return
        for (const range of decoded.acknowledgement?.ranges ?? []) {
          expect(range.start).toBeGreaterThan(0)
          expect(range.end).toBeGreaterThan(range.start)
        }
        expect(decoded.acknowledgement?.ranges.length ?? 0).toBeLessThanOrEqual(
          acknowledgedRangesMax,
        )
      }),
      { numRuns: 1000 },
    )
  })

  test('leave 17 of 20 bytes to contents', () => {
    const place = { sequence: 65_535, attempt: 3 }
    const shared = { place, atOnce: true, isProbe: false, hasLength: false }
    const rest = new Uint8Array(17)
    expect(encodeSequencedMessage({ ...shared, isWide: false, rest })).toHaveLength(20)
    expect(headerBytes(false, false)).toBe(3)
    expect(headerBytes(true, false)).toBe(5)
  })

  test('[LK17] a message with its length is found to be cut at each place', () => {
    const place = { sequence: 7, attempt: 0 }
    const rest = Uint8Array.from({ length: 40 }, (_, index) => index)
    const whole = encodeSequencedMessage({
      place,
      isWide: true,
      atOnce: false,
      isProbe: false,
      hasLength: true,
      rest,
    })
    for (let length = 0; length < whole.length; length += 1) {
      expect(typeof decodeSequencedMessage(whole.subarray(0, length))).toBe('string')
    }
  })
})

describe('[LK19] acknowledgements', () => {
  test('take as many ranges along as fit, the highest first', () => {
    fc.assert(
      fc.property(
        anyAcknowledgement,
        fc.boolean(),
        fc.integer({ min: 11, max: 120 }),
        (told, isWide, bytesMax) => {
          const fitted = fitAcknowledgement(told, isWide, bytesMax)
          const bytes = acknowledgementBytes(fitted, isWide)
          expect(bytes).toBeLessThanOrEqual(bytesMax)
          expect(fitted.ranges).toEqual(told.ranges.slice(0, fitted.ranges.length))
          const more = { ...told, ranges: told.ranges.slice(0, fitted.ranges.length + 1) }
          if (more.ranges.length > fitted.ranges.length) {
            expect(acknowledgementBytes(more, isWide)).toBeGreaterThan(bytesMax)
          }
          const message = { isWide, atOnce: false, isProbe: false, hasLength: false }
          const rest = new Uint8Array(0)
          const written = encodeSequencedMessage({ ...message, acknowledgement: fitted, rest })
          expect(written).toHaveLength(1 + bytes)
        },
      ),
    )
  })
})
