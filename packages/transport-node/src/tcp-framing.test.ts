import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeHeader, farewell, messageBytesMax, TcpFrameReader } from './tcp-framing.ts'
import type { TcpFrame } from './tcp-framing.ts'

function readAll(reader: TcpFrameReader, pieces: Iterable<Uint8Array>): TcpFrame[] {
  return [...pieces].flatMap((piece) => [...reader.read(piece)])
}

test('messages come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }),
      (messages, cuts) => {
        const stream = Buffer.concat([
          ...messages.flatMap((message) => [encodeHeader(message.length), message]),
          farewell,
        ])
        const pieces: Uint8Array[] = []
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const end = at + (cuts[cut % cuts.length] as number)
          pieces.push(stream.subarray(at, end))
          at = end
        }
        const reader = new TcpFrameReader()
        expect(readAll(reader, pieces)).toEqual([
          ...messages.map((bytes) => ({ type: 'message', bytes })),
          { type: 'farewell' },
        ])
        expect(reader.atBoundary).toBe(true)
      },
    ),
  )
})

test('any stream yields bounded messages and nothing after what ends it', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      const frames = readAll(new TcpFrameReader(), pieces)
      for (const [position, frame] of frames.entries()) {
        if (frame.type === 'message') {
          expect(frame.bytes.length).toBeLessThanOrEqual(messageBytesMax)
        } else expect(position).toBe(frames.length - 1)
      }
    }),
  )
})

test('a message of one byte too many is broken before any of it is held', () => {
  const reader = new TcpFrameReader()
  expect([...reader.read(encodeHeader(messageBytesMax + 1))]).toEqual([{ type: 'broken' }])
  expect([...reader.read(Buffer.alloc(100))]).toEqual([])
})

test('a stream that stops within a header or a message is not at a boundary', () => {
  const reader = new TcpFrameReader()
  readAll(reader, [Uint8Array.of(0)])
  expect(reader.atBoundary).toBe(false)
  readAll(reader, [Uint8Array.of(0, 0, 2, 7)])
  expect(reader.atBoundary).toBe(false)
  expect(readAll(reader, [Uint8Array.of(8)])).toHaveLength(1)
  expect(reader.atBoundary).toBe(true)
})
