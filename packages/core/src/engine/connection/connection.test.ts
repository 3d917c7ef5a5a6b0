/** One connection against a member of the mesh that writes any frames it likes. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { wholePayload } from '../link/frame.ts'
import type { FramePayload } from '../link/link-port.ts'
import type { PacketSendResult } from '../mesh/packet-port.ts'
import { CipherState } from '../noise/cipher-state.ts'
import type { ConnectionOutputs } from './connection-output.ts'
import { Connection } from './connection.ts'
import { decodeFrames, encodeFrame, type Frame } from './frame.ts'
import { messageBytesMax } from './message-port.ts'
import { PacketProtection } from './packet-protection.ts'
import { decodePacket } from './packet.ts'
import { acknowledgementDelayMsMax, noMarks, type Arrival } from './received-packets.ts'
import { streamWindowBytes } from './receive-stream.ts'
import { connectionWindowBytes, connectionWindowBytesMax } from './connection-credit.ts'
import { StreamDirectory } from './stream-directory.ts'
import { StreamSet } from './stream-set.ts'

const unmarked: Arrival = { priority: 'interactive', congestionMarked: false }

const peer = '0123456789abcdef' as PeerId

/** A connection, and the other end as a pair of hands. */
class Bench {
  readonly outputs: ConnectionOutputs = []
  readonly flight = new FlightRecorder(registry)
  readonly connection: Connection
  readonly streams: StreamSet
  readonly #protection: PacketProtection
  answer: PacketSendResult = 'accepted'
  #largestReceived = -1
  readonly #sent: Uint8Array[] = []

  constructor() {
    const state = (byte: number) =>
      new CipherState(new Uint8Array(32).fill(byte), nobleCryptography)
    this.#protection = new PacketProtection({ send: state(2), receive: state(1) }, 1)
    const context = {
      random: new SeededRandom(new Uint8Array(32)),
      cryptography: nobleCryptography,
      recorder: this.flight.recorder,
    }
    const port = {
      send: (_to: PeerId, _priority: string, payload: FramePayload) => {
        if (this.answer === 'accepted') this.#sent.push(wholePayload(payload))
        return this.answer
      },
      payloadBytesMax: () => 1200,
    }
    this.streams = new StreamSet(context, this.outputs, new StreamDirectory(context), {
      peer,
      opensEven: true,
      credit: { connectionBytes: 1_000_000, streamBytes: 1_000_000, streamCount: 10 },
    })
    this.connection = new Connection(context, port, this.outputs, {
      peer,
      epoch: 1,
      keys: { send: state(1), receive: state(2) },
      localId: 1,
      remoteId: 2,
      streams: this.streams,
      finishPacket: undefined,
    })
    this.connection.start(0)
    this.sentFrames()
  }

  /** Frames that the connection has sent since the last call. */
  sentFrames(): Frame[] {
    return this.#sent.splice(0).flatMap((bytes) => {
      const packet = decodePacket(bytes)
      if (packet?.type !== 'protected') return []
      const number = this.#protection.numberOf(packet, this.#largestReceived)
      this.#largestReceived = Math.max(this.#largestReceived, number)
      return decodeFrames(this.#protection.open(packet, number, 0)!)!
    })
  }

  receive(nowMs: number, ...frames: readonly Frame[]): void {
    const writer = new ByteWriter()
    for (const frame of frames) encodeFrame(frame, writer)
    this.receiveBytes(nowMs, writer.finish())
  }

  receiveBytes(nowMs: number, plaintext: Uint8Array, copies = 1): void {
    const packet = decodePacket(wholePayload(this.#protection.seal(plaintext, -1, nowMs).parts))
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.connection.ended !== undefined || packet?.type !== 'protected') return
      this.connection.packetReceived(packet, unmarked, nowMs)
    }
  }

  acknowledgeAll(nowMs: number): void {
    this.acknowledgeLast(this.#largestReceived + 1, nowMs)
  }

  acknowledgeLast(count: number, nowMs: number): void {
    const end = this.#largestReceived + 1
    const ranges = [{ start: end - count, end }]
    this.receive(nowMs, { type: 'acknowledgement', delayMs: 0, ranges, marks: noMarks })
  }
}

function stream(id: number, offset: number, data: Uint8Array): Frame {
  return { type: 'stream', stream: id, offset, data, fin: false }
}

describe('a broken rule ends the connection and is named to the other end', () => {
  const zero = new Uint8Array(1)
  const cases: readonly (readonly [string, string, readonly Frame[]])[] = [
    ['[ST10] a stream that is not open', 'stream', [stream(4, 0, zero)]],
    ['[ST10] credit for such a stream', 'stream', [{ type: 'stream-credit', stream: 4, limit: 1 }]],
    [
      '[CN19][ST10] a reset of a well-known stream',
      'stream',
      [{ type: 'reset-stream', stream: 0, code: 0, finalSize: 0 }],
    ],
    [
      '[CN19][ST10] a request to stop sending on one',
      'stream',
      [{ type: 'stop-sending', stream: 0, code: 0 }],
    ],
    [
      '[ST5] data beyond the credit of a stream',
      'flow-control',
      [stream(3, streamWindowBytes, zero)],
    ],
    [
      '[ST7] data beyond the credit of the connection',
      'flow-control',
      [5, 7, 9, 11].map((id) => stream(id, connectionWindowBytes / 4, new Uint8Array(10))),
    ],
    ['[ST3] a message of no length', 'message', [stream(0, 0, zero)]],
    [
      '[RC1] an acknowledgement of packets never sent',
      'protocol',
      [{ type: 'acknowledgement', delayMs: 0, ranges: [{ start: 900, end: 901 }], marks: noMarks }],
    ],
  ]
  test.each(cases)('%s', (_name, code, frames) => {
    const bench = new Bench()
    bench.receive(1, ...frames)
    expect(bench.outputs).toEqual([{ type: 'disconnected', peer, reason: 'protocol' }])
    expect(bench.connection.ended?.code).toBe(code)
    expect(bench.sentFrames().at(-1)?.type).toBe('close')
  })

  test('[CN16] a frame of unknown type, but not an extension', () => {
    const known = new Bench()
    known.receive(1, { type: 'extension', extension: 0x7f, payload: new Uint8Array(9) })
    expect(known.connection.ended).toBeUndefined()
    const unknown = new Bench()
    unknown.receiveBytes(1, Uint8Array.of(0x3f, 0))
    expect(unknown.connection.ended?.code).toBe('protocol')
  })
})

describe('receiving', () => {
  test('[CN25] no frames, however odd, throw or take memory beyond the windows', () => {
    const small = fc.uint8Array({ maxLength: 30 })
    const frame: fc.Arbitrary<Frame> = fc.oneof(
      fc.record({
        type: fc.constant('stream' as const),
        stream: fc.nat({ max: 3 }),
        offset: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 150_000 })),
        data: small.map((bytes) => bytes.map((byte) => byte | 1)),
        fin: fc.constant(false),
      }),
      fc.record({ type: fc.constant('datagram' as const), payload: small }),
      fc.record({
        type: fc.constant('acknowledgement' as const),
        marks: fc.constant(noMarks),
        delayMs: fc.nat({ max: 1000 }),
        ranges: fc.nat({ max: 3 }).map((start) => [{ start, end: start + 1 }]),
      }),
      fc.record({ type: fc.constant('connection-credit' as const), limit: fc.maxSafeNat() }),
      fc.record({
        type: fc.constant('stream-credit' as const),
        stream: fc.nat({ max: 3 }),
        limit: fc.maxSafeNat(),
      }),
      fc.constant<Frame>({ type: 'ping' }),
    )
    const packet = fc.oneof(fc.array(frame, { maxLength: 5 }), small)
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
        const bench = new Bench()
        for (const [index, packet] of packets.entries()) {
          if (packet instanceof Uint8Array) bench.receiveBytes(index, packet)
          else bench.receive(index, ...packet)
          if (bench.connection.ended === undefined) bench.connection.handleDeadline(index)
          const { receiveBufferBytes } = bench.connection.measure()
          expect(receiveBufferBytes).toBeLessThanOrEqual(connectionWindowBytesMax + 4 * 65_536)
        }
      }),
      { numRuns: 300 },
    )
  }, 60_000)

  test('[CN10] a packet that comes twice gives its datagram once', () => {
    const bench = new Bench()
    bench.receiveBytes(1, Uint8Array.of(0x08, 1, 42), 2)
    expect(bench.outputs).toEqual([{ type: 'datagram', peer, payload: Uint8Array.of(42) }])
  })

  test('[ST4] four announced messages of 16 MiB take no memory before their bytes come', () => {
    const bench = new Bench()
    const head = new ByteWriter().varint(messageBytesMax).u8(1).finish()
    bench.receive(1, ...[0, 1, 2, 3].map((id) => stream(id, 0, head)))
    expect(bench.connection.ended).toBeUndefined()
    expect(bench.connection.measure().receiveBufferBytes).toBeLessThanOrEqual(4 * 65_536)
  })

  test('[ST6] credit is given anew as bytes are consumed', () => {
    const bench = new Bench()
    const message = new ByteWriter().bytes(new Uint8Array(1000)).finish()
    for (let offset = 0; offset < streamWindowBytes * 2; offset += message.length) {
      bench.receive(offset, stream(2, offset, message))
    }
    expect(bench.connection.ended).toBeUndefined()
    const types = bench.sentFrames().map((frame) => frame.type)
    expect(types).toContain('stream-credit')
    expect(types).not.toContain('connection-credit')
  })
})

describe('sending', () => {
  test('[RC5] a lone packet is acknowledged after 25 ms, and the acknowledgement asks for none', () => {
    const bench = new Bench()
    bench.acknowledgeAll(1)
    bench.receive(10, { type: 'ping' })
    expect(bench.sentFrames()).toEqual([])
    expect(bench.connection.nextDeadlineMs()).toBe(10 + acknowledgementDelayMsMax)
    bench.connection.handleDeadline(10 + acknowledgementDelayMsMax)
    expect(bench.sentFrames()).toEqual([
      {
        type: 'acknowledgement',
        delayMs: acknowledgementDelayMsMax,
        marks: noMarks,
        ranges: [{ start: 0, end: 2 }],
      },
    ])
    expect(bench.connection.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[RC5] a full mesh makes the acknowledgement wait for room, without a timer', () => {
    const bench = new Bench()
    bench.acknowledgeAll(1)
    bench.answer = 'full'
    bench.receive(10, { type: 'ping' })
    bench.receive(10, { type: 'ping' })
    expect(bench.connection.isBlocked).toBe(true)
    expect(bench.connection.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
    bench.answer = 'accepted'
    bench.connection.packetsWritable(500)
    expect(bench.sentFrames().map((frame) => frame.type)).toEqual(['acknowledgement'])
  })

  test('[CN8] a packet that the mesh refused goes later as it was: its number is used once', () => {
    const bench = new Bench()
    bench.answer = 'full'
    bench.connection.send(3, new Uint8Array(10), 10)
    bench.connection.send(0, new Uint8Array(10), 10)
    bench.answer = 'accepted'
    bench.connection.packetsWritable(20)
    const ids = bench
      .sentFrames()
      .flatMap((frame) => (frame.type === 'stream' ? [frame.stream] : []))
    expect(ids).toEqual([0, 3])
  })

  test('[RC4] what is not acknowledged is sent again, and the same bytes', () => {
    const bench = new Bench()
    bench.acknowledgeAll(1)
    bench.connection.send(2, Uint8Array.of(5, 6), 10)
    const first = bench.sentFrames()
    const deadlineMs = bench.connection.nextDeadlineMs()
    expect(deadlineMs).toBeLessThan(2000)
    bench.connection.handleDeadline(deadlineMs)
    expect(bench.sentFrames()).toEqual(first)
    bench.acknowledgeAll(deadlineMs + 1)
    expect(bench.connection.measure().sendBufferBytes).toBe(0)
    expect(bench.connection.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY)
  })

  test('[RC2] credit that was lost is given again, in its latest form', () => {
    const bench = new Bench()
    bench.acknowledgeAll(1)
    const message = new ByteWriter().bytes(new Uint8Array(1000)).finish()
    for (let offset = 0; offset < streamWindowBytes * 1.5; offset += message.length) {
      bench.receive(2, stream(2, offset, message))
    }
    const isCredit = (frame: Frame) =>
      frame.type === 'stream-credit' || frame.type === 'connection-credit'
    const given = bench.sentFrames().filter(isCredit)
    expect(given.length).toBeGreaterThan(1)
    for (let count = 0; count < 3; count += 1) bench.connection.send(0, Uint8Array.of(count), 3)
    bench.sentFrames()
    bench.acknowledgeLast(3, 4)
    const again = bench.sentFrames().filter(isCredit)
    expect(new Set(again.map((frame) => frame.type))).toEqual(
      new Set(given.map((frame) => frame.type)),
    )
  })

  test('[ST9] a lower priority gets a sixteenth while a higher one has enough to send', () => {
    const bench = new Bench()
    bench.connection.send(0, new Uint8Array(400_000), 1)
    bench.connection.send(3, new Uint8Array(400_000), 1)
    // The first windows went before there was anything else to send.
    bench.sentFrames()
    const sentBytes = [0, 0, 0, 0]
    for (let nowMs = 10; sentBytes[0]! < 100_000; nowMs += 10) {
      bench.acknowledgeAll(nowMs)
      for (const frame of bench.sentFrames()) {
        if (frame.type === 'stream') sentBytes[frame.stream]! += frame.data.length
      }
    }
    expect(sentBytes[3]! / sentBytes[0]!).toBeGreaterThan(1 / 20)
    expect(sentBytes[3]! / sentBytes[0]!).toBeLessThan(1 / 12)
  })

  test('[ST7] new data stops at the credit of the connection', () => {
    const bench = new Bench()
    for (let count = 0; count < 4; count += 1) {
      bench.streams.open({ protocol: 'test', priority: 'bulk' })
      bench.streams.write(4 + 2 * count, new Uint8Array(400_000))
    }
    bench.connection.streamsChanged(1)
    let sentBytes = 0
    for (let nowMs = 2; nowMs < 400; nowMs += 1) {
      for (const frame of bench.sentFrames()) {
        if (frame.type === 'stream') sentBytes += frame.data.length
      }
      bench.acknowledgeAll(nowMs)
    }
    expect(sentBytes).toBe(1_000_000)
  })
})
