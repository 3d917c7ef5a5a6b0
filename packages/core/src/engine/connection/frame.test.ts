import { readFileSync } from 'node:fs'

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { ByteWriter } from '../bytes/writer.ts'
import {
  decodeFrames,
  encodeFrame,
  streamHeadBytes,
  encodeStreamHead,
  type Frame,
} from './frame.ts'

interface FrameVector {
  readonly rule: string
  readonly name: string
  readonly bytes: string
}

const file = new URL('../../../../../docs/specs/vectors/connection-frames.json', import.meta.url)
const frameVectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly valid: readonly (FrameVector & { readonly frames: unknown })[]
  readonly invalid: readonly FrameVector[]
}

function encode(...frames: readonly Frame[]): Uint8Array {
  const writer = new ByteWriter()
  for (const frame of frames) encodeFrame(frame, writer)
  return writer.finish()
}

/** Byte strings as hexadecimal, as the vectors have them. */
function plain(frames: readonly Frame[] | undefined): unknown {
  return JSON.parse(
    JSON.stringify(frames ?? null, (_key, value: unknown) =>
      value instanceof Uint8Array ? encodeHex(value) : value,
    ),
  )
}

const bytes = fc.uint8Array({ maxLength: 40 })
const stream = fc.nat({ max: 2 ** 50 })
const offset = fc.nat({ max: 2 ** 50 })
const ranges = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 })), {
    minLength: 1,
    maxLength: 32,
  })
  .map((steps) => {
    let at = 0
    const all = steps.map(([gap, length]) => {
      const start = at + gap
      at = start + length
      return { start, end: at }
    })
    return all.reverse()
  })
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.constant<Frame>({ type: 'ping' }),
  fc.record({
    type: fc.constant('acknowledgement' as const),
    delayMs: fc.nat({ max: 100_000 }).map((units) => units / 8),
    ranges,
    marks: fc.record({ foreground: fc.nat(), bulk: fc.nat({ max: 2 ** 48 }) }),
  }),
  fc.record({
    type: fc.constant('stream' as const),
    stream,
    offset,
    data: bytes,
    fin: fc.boolean(),
  }),
  fc.record({ type: fc.constant('connection-credit' as const), limit: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('stream-credit' as const), stream, limit: fc.maxSafeNat() }),
  fc.record({
    type: fc.constant('reset-stream' as const),
    stream,
    code: fc.maxSafeNat(),
    finalSize: offset,
  }),
  fc.record({ type: fc.constant('stop-sending' as const), stream, code: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('stream-allowance' as const), limit: fc.nat({ max: 2 ** 48 }) }),
  fc.record({ type: fc.constant('datagram' as const), payload: bytes }),
  fc.record({ type: fc.constant('close' as const), code: fc.maxSafeNat() }),
  fc.record({
    type: fc.constant('extension' as const),
    extension: fc.integer({ min: 0x40, max: 0x7f }),
    payload: bytes,
  }),
)

test('[CN14] frames survive encoding and decoding, any number in a packet', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), (frames) => {
      expect(plain(decodeFrames(encode(...frames)))).toEqual(plain(frames))
    }),
    { numRuns: 1000 },
  )
})

test('[CN25] any bytes decode to frames no longer than they are, or to nothing', () => {
  const frameOrNoise = fc.oneof(
    bytes,
    fc
      .tuple(fc.array(frame, { maxLength: 4 }), fc.nat(), fc.nat({ max: 7 }))
      .map(([frames, at, bit]) => {
        const encoded = encode(...frames)
        if (encoded.length > 0) encoded[at % encoded.length]! ^= 1 << bit
        return encoded
      }),
  )
  fc.assert(
    fc.property(frameOrNoise, (input) => {
      const frames = decodeFrames(input) ?? []
      expect(frames.length).toBeLessThanOrEqual(input.length)
      for (const frame of frames) {
        if (frame.type === 'acknowledgement') {
          for (const range of frame.ranges) expect(range.start).toBeLessThan(range.end)
        }
      }
    }),
    { numRuns: 5000 },
  )
})

test('[CN17] the head of a STREAM frame is never longer than was reckoned', () => {
  fc.assert(
    fc.property(stream, offset, fc.nat({ max: 65_536 }), (stream, offset, length) => {
      const writer = new ByteWriter()
      encodeStreamHead(stream, offset, length, true, writer)
      expect(writer.length).toBeLessThanOrEqual(streamHeadBytes(stream, offset))
    }),
  )
})

for (const vector of frameVectors.valid) {
  test(`[${vector.rule}] vector: ${vector.name}`, () => {
    const decoded = decodeFrames(decodeHex(vector.bytes)!)
    expect(plain(decoded)).toEqual(vector.frames)
    expect(encodeHex(encode(...decoded!))).toBe(vector.bytes)
  })
}

for (const vector of frameVectors.invalid) {
  test(`[${vector.rule}] invalid vector: ${vector.name}`, () => {
    expect(decodeFrames(decodeHex(vector.bytes)!)).toBeUndefined()
  })
}
