import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeSignal, encodeSignal, signalBytesMax } from './signal.ts'
import type { Signal } from './signal.ts'

const session = '0123456789abcdef'
const candidate = {
  candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
}

test.each<Signal['body']>([
  { type: 'offer', sdp: 'v=0\r\n' },
  { type: 'answer', sdp: 'v=0\r\n' },
  { type: 'candidate', candidate },
  { type: 'candidate', candidate: { candidate: '', sdpMid: null, sdpMLineIndex: null } },
  { type: 'end' },
])('a signal comes out as it went in: %j', (body) => {
  const bytes = encodeSignal({ session, body })
  expect(bytes && decodeSignal(bytes)).toEqual({ session, body })
})

test('a signal that is too long is neither sent nor taken', () => {
  const sdp = 'x'.repeat(signalBytesMax)
  expect(encodeSignal({ session, body: { type: 'offer', sdp } })).toBeUndefined()
  expect(
    decodeSignal(new TextEncoder().encode(JSON.stringify({ session, type: 'offer', sdp }))),
  ).toBeUndefined()
})

test.each([
  ['no object', 7],
  ['null', null],
  ['no session', { type: 'end' }],
  ['another session', { session: 'F'.repeat(16), type: 'end' }],
  ['another type', { session, type: 'renegotiate' }],
  ['a description that is no text', { session, type: 'offer', sdp: {} }],
  ['no candidate', { session, type: 'candidate' }],
  [
    'a candidate too long',
    { session, type: 'candidate', candidate: { ...candidate, candidate: 'x'.repeat(1025) } },
  ],
  [
    'a line index beyond all lines',
    { session, type: 'candidate', candidate: { ...candidate, sdpMLineIndex: 16 } },
  ],
  [
    'a negative line index',
    { session, type: 'candidate', candidate: { ...candidate, sdpMLineIndex: -1 } },
  ],
  [
    'a media id that is no text',
    { session, type: 'candidate', candidate: { ...candidate, sdpMid: 0 } },
  ],
])('%s is no signal', (_what, value) => {
  expect(decodeSignal(new TextEncoder().encode(JSON.stringify(value)))).toBeUndefined()
})

test('decoding never throws', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (bytes) => {
        decodeSignal(bytes)
      },
    ),
  )
})
