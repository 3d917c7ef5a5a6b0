/** Streams against a member of the mesh that keeps to no rule. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ByteWriter } from '../bytes/writer.ts'
import { connectionWindowBytesMax } from './connection-credit.ts'
import type { Frame } from './frame.ts'
import { streamWindowBytes } from './receive-stream.ts'
import { encodeStreamHeader } from './stream-header.ts'
import { streamsOpenMax } from './stream-ids.ts'
import type { StreamHandle } from './stream-port.ts'
import { HostileEnd, higherPeer, type VirtualEnd } from './virtual-network.ts'

const header = encodeStreamHeader({ protocol: 'test', priority: 'bulk' })
const none = new Uint8Array(0)

/** The end under attack has the lower id: the attacker's streams are 5, 7, 9 … */
function data(stream: number, offset: number, bytes: Uint8Array, fin = false): Frame {
  return { type: 'stream', stream, offset, data: bytes, fin }
}

function reset(stream: number, finalSize: number): Frame {
  return { type: 'reset-stream', stream, code: 1, finalSize }
}

function stop(stream: number): Frame {
  return { type: 'stop-sending', stream, code: 1 }
}

/** A stream that is open, with ten bytes after its header. */
const opened = data(5, 0, new ByteWriter().raw(header).raw(new Uint8Array(10)).finish())
const openedEnd = header.length + 10

describe('a broken rule ends the connection', () => {
  const cases: readonly (readonly [string, string, readonly Frame[]])[] = [
    ['[ST11] data on a stream of ours that we have not opened', 'stream', [data(4, 0, none)]],
    ['[ST11] a reset of such a stream', 'stream', [reset(4, 0)]],
    ['[ST11] a stop of such a stream', 'stream', [stop(2 ** 50)]],
    ['[ST11] credit for such a stream', 'stream', [{ type: 'stream-credit', stream: 6, limit: 1 }]],
    ['[ST12] a stream too many', 'stream-limit', [data(5 + 2 * streamsOpenMax, 0, header)]],
    ['[ST12] a stop of the last stream of all', 'stream-limit', [stop(2 ** 50 - 1)]],
    ['[ST13] a header with a priority that is none', 'stream', [data(5, 0, Uint8Array.of(4))]],
    ['[ST13] a header without a name', 'stream', [data(5, 0, Uint8Array.of(0, 0, 65))]],
    ['[ST13] a header with a name of 65 bytes', 'stream', [data(5, 0, Uint8Array.of(0, 65))]],
    ['[ST13] a name that is not UTF-8', 'stream', [data(5, 0, Uint8Array.of(0, 1, 0xff))]],
    ['[ST13] an end before the header is complete', 'stream', [data(5, 0, Uint8Array.of(0), true)]],
    ['[ST13] an end without a header', 'stream', [data(5, 0, none, true)]],
    [
      '[ST17] data beyond the end',
      'final-size',
      [opened, data(5, openedEnd, none, true), data(5, openedEnd, Uint8Array.of(1))],
    ],
    [
      '[ST17] an end below what has arrived',
      'final-size',
      [opened, data(5, openedEnd - 1, none, true)],
    ],
    [
      '[ST17] another end',
      'final-size',
      [opened, data(5, 100, none, true), data(5, 90, none, true)],
    ],
    ['[ST17] a reset that ends below what has arrived', 'final-size', [opened, reset(5, 3)]],
    ['[ST17] a reset that ends elsewhere', 'final-size', [opened, reset(5, 50), reset(5, 49)]],
    [
      '[ST17] data beyond a reset',
      'final-size',
      [opened, reset(5, openedEnd), data(5, openedEnd, Uint8Array.of(1))],
    ],
    [
      '[ST5][ST17] an end beyond the credit of the stream',
      'flow-control',
      [data(5, streamWindowBytes + 1, none, true)],
    ],
    ['[ST5][ST17] a reset beyond it', 'flow-control', [reset(5, streamWindowBytes + 1)]],
    ['[ST5] the farthest offset of all', 'flow-control', [data(5, 2 ** 50, Uint8Array.of(1))]],
    [
      '[ST7] data beyond the credit of the connection',
      'flow-control',
      [5, 7, 9].map((id) => data(id, streamWindowBytes - 1, Uint8Array.of(1))),
    ],
    ['[ST10] the end of a well-known stream', 'stream', [data(2, 0, none, true)]],
  ]
  test.each(cases)('%s', (_name, code, frames) => {
    const { end } = attack(frames)
    expect(end.connection.ended?.code).toBe(code)
    expect(end.outputs.at(-1)).toMatchObject({ type: 'disconnected', reason: 'protocol' })
    expect(end.directory.size).toBe(0)
    expect(end.streams.openCount).toBe(0)
  })
})

test('[ST7][ST17] resets count against the credit of the connection up to their final size', () => {
  const hostile = new HostileEnd(true)
  hostile.say(1, ...[5, 7, 9].map((id) => reset(id, streamWindowBytes - 1)))
  expect(hostile.end.connection.ended?.code).toBe('flow-control')
})

function attack(frames: readonly Frame[]): HostileEnd {
  const hostile = new HostileEnd(true)
  // A packet each: a violation counts as soon as its frame is read.
  for (const frame of frames) hostile.say(1, frame)
  return hostile
}

describe('what comes late or twice', () => {
  const afterwards: readonly (readonly [string, Frame])[] = [
    ['data', opened],
    ['data beyond its end', data(5, 10_000, Uint8Array.of(1))],
    ['a reset with another size', reset(5, 3)],
    ['a stop', stop(5)],
    ['credit', { type: 'stream-credit', stream: 5, limit: 2 ** 53 - 1 }],
  ]
  test.each(afterwards)('[ST20] %s of a forgotten stream has no effect', (_name, frame) => {
    const hostile = attack([opened, data(5, openedEnd, none, true), stop(5)])
    const { end } = hostile
    end.streams.consume(5, 10)
    end.streams.reset(5, 1)
    hostile.acknowledgeAll(2)
    expect(end.streams.openCount).toBe(0)
    end.take()
    hostile.say(3, frame)
    expect(end.take()).toEqual([])
    expect(end.streams.openCount).toBe(0)
    expect(end.connection.ended).toBeUndefined()
  })

  test('[ST13] a header that never comes is told to nobody, and holds next to nothing', () => {
    const hostile = new HostileEnd(true)
    const { end } = hostile
    for (let count = 0; count < streamsOpenMax; count += 1) {
      hostile.say(count, data(5 + 2 * count, 0, Uint8Array.of(3, 64, 65)))
    }
    expect(end.take()).toEqual([])
    expect(end.connection.ended).toBeUndefined()
    expect(end.streams.openCount).toBe(streamsOpenMax)
    expect(end.connection.measure().receiveBufferBytes).toBe(0)
  })

  test('[ST13] a stop before the header is told after it', () => {
    const { end } = attack([stop(5), opened])
    expect(end.take().map(({ type }) => type)).toEqual([
      'stream-opened',
      'stream-stopped',
      'stream-data',
    ])
  })

  test('[ST19] frames that come twice count once', () => {
    const { end } = attack([opened, opened, stop(5), stop(5), reset(5, 30), reset(5, 30)])
    expect(end.take().map(({ type }) => type)).toEqual([
      'stream-opened',
      'stream-data',
      'stream-stopped',
      'stream-reset',
    ])
  })

  test('[ST12] an end opens no more than 128 at once, whatever it is allowed', () => {
    const hostile = new HostileEnd(true)
    const { end } = hostile
    hostile.say(1, { type: 'stream-allowance', limit: 2 ** 48 })
    const open = () => end.streams.open({ protocol: 'ours', priority: 'sync' })
    for (let count = 0; count < streamsOpenMax; count += 1) expect(open()).toBeTypeOf('number')
    expect(open()).toBe('limit')
    end.streams.reset(8, 1)
    hostile.say(2, reset(8, 0))
    end.take()
    hostile.acknowledgeAll(3)
    expect(end.take()).toContainEqual({ type: 'streams-available', peer: higherPeer })
    expect(open()).toBeTypeOf('number')
  })

  test('[ST20] no more streams are told of than are allowed, however fast they end', () => {
    const hostile = new HostileEnd(true)
    const { end } = hostile
    for (let count = 0; count <= streamsOpenMax; count += 1) {
      const id = 5 + 2 * count
      hostile.say(count, data(id, 0, header, true), stop(id))
      hostile.acknowledgeAll(count)
    }
    expect(end.take().filter(({ type }) => type === 'stream-opened').length).toBe(streamsOpenMax)
    expect(end.connection.ended?.code).toBe('stream-limit')
  })
})

test('[CN25][ST29] no frames about streams, however odd, throw or take memory beyond the windows', () => {
  const id = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(4, 5, 6, 7, 9) },
    fc.nat({ max: 300 }),
    fc.nat({ max: 2 ** 50 }),
  )
  const offset = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 300_000 }), fc.nat({ max: 2 ** 50 }))
  const bytes = fc.oneof(
    fc.constant(header),
    fc.uint8Array({ maxLength: 30 }),
    fc.constant(new Uint8Array(1000)),
  )
  const frame: fc.Arbitrary<Frame> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('stream' as const),
        stream: id,
        offset,
        data: bytes,
        fin: fc.boolean(),
      }),
    },
    fc.record({
      type: fc.constant('reset-stream' as const),
      stream: id,
      code: fc.maxSafeNat(),
      finalSize: offset,
    }),
    fc.record({ type: fc.constant('stop-sending' as const), stream: id, code: fc.maxSafeNat() }),
    fc.record({ type: fc.constant('stream-credit' as const), stream: id, limit: fc.maxSafeNat() }),
    fc.record({ type: fc.constant('connection-credit' as const), limit: fc.maxSafeNat() }),
    fc.record({ type: fc.constant('stream-allowance' as const), limit: fc.nat({ max: 2 ** 48 }) }),
  )
  const handle = fc.integer({ min: 1, max: 8 })
  const use = fc.constantFrom('open', 'write', 'finish', 'reset', 'stop', 'take', 'acknowledge')
  const step = fc.oneof(fc.record({ frame }), fc.record({ use, handle }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const hostile = new HostileEnd(true)
      const { end } = hostile
      // Streams there are, for the odd frames to be about.
      end.streams.open({ protocol: 'ours', priority: 'sync' })
      hostile.say(0, opened)
      for (const [nowMs, step] of steps.entries()) {
        if (end.connection.ended !== undefined) break
        if ('frame' in step) hostile.say(nowMs, step.frame)
        else if (step.use === 'open') end.streams.open({ protocol: 'ours', priority: 'sync' })
        else if (step.use === 'acknowledge') hostile.acknowledgeAll(nowMs)
        else useStream(end, step.use, step.handle)
        if (end.connection.ended === undefined) end.connection.streamsChanged(nowMs)
        const { receiveBufferBytes, unconsumedBytes, openStreams } = end.connection.measure()
        expect(receiveBufferBytes).toBeLessThanOrEqual(connectionWindowBytesMax)
        expect(unconsumedBytes).toBeLessThanOrEqual(connectionWindowBytesMax)
        expect(openStreams).toBeLessThanOrEqual(2 * streamsOpenMax)
        expect(end.directory.size).toBeLessThanOrEqual(openStreams)
      }
    }),
    { numRuns: 600 },
  )
}, 600_000)

function useStream(
  { directory, streams }: VirtualEnd,
  use: 'write' | 'finish' | 'reset' | 'stop' | 'take',
  handle: StreamHandle,
): void {
  const id = directory.get(handle)?.id
  if (id === undefined) return
  if (use === 'write') streams.write(id, new Uint8Array(5000))
  else if (use === 'finish') streams.finish(id)
  else if (use === 'reset') streams.reset(id, 1)
  else if (use === 'stop') streams.stop(id, 1)
  else streams.consume(id, 0)
}
