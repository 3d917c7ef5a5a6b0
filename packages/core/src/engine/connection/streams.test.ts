/** Both halves of a stream, joined by pieces that are lost, doubled and shuffled. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { ByteWriter } from '../bytes/writer.ts'
import { MessageAssembler } from './message-assembler.ts'
import { messageBytesMax } from './message-port.ts'
import { MessageStream, unsentBytesMax } from './message-stream.ts'
import { RangeSet } from './range-set.ts'
import { ReceiveStream, streamWindowBytes, streamWindowBytesMax } from './receive-stream.ts'
import { ReceiveWindow } from './receive-window.ts'
import { ReorderBuffer, reorderedRunsMax } from './reorder-buffer.ts'
import { SendStream, type StreamPiece } from './send-stream.ts'

function message(length: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + salt) & 0xff)
}

function bytesOf(stream: SendStream, piece: StreamPiece): Uint8Array {
  const writer = new ByteWriter()
  stream.writePiece(piece, writer)
  return writer.finish()
}

describe('a stream', () => {
  test('[ST1][ST2] gives each message once, in order, however its pieces travel', () => {
    const travel = fc.record({
      lost: fc.boolean(),
      doubled: fc.boolean(),
      probed: fc.boolean(),
      place: fc.nat({ max: 5 }),
      lengthMax: fc.integer({ min: 1, max: 5000 }),
    })
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6000 }), { maxLength: 20 }),
        fc.array(travel, { minLength: 30, maxLength: 60 }),
        (lengths, travels) => {
          const sendingEnd = new MessageStream(0, streamWindowBytes)
          const receivingEnd = new MessageStream(0, 0)
          const sender = sendingEnd.sending
          const receiver = receivingEnd.receiving
          const sent = lengths.map((length, index) => message(length, index))
          for (const one of sent) expect(sendingEnd.queue(one)).toBe(true)
          const arrived: Uint8Array[] = []
          const wire: (StreamPiece & { data: Uint8Array })[] = []
          const deliver = (index: number) => {
            const [piece] = wire.splice(index, 1)
            if (piece === undefined) return
            expect(receiver.receive(piece.offset, piece.data, piece.fin)).toBeUndefined()
            arrived.push(...receivingEnd.takeMessages())
            sender.acknowledged(piece)
          }
          for (
            let round = 0;
            round < 10_000 && (sender.canSend(1e9) || wire.length > 0);
            round += 1
          ) {
            const { lost, doubled, probed, place, lengthMax } = travels[round % travels.length]!
            const piece = sender.takePiece(lengthMax, 1e9)
            if (piece !== undefined) {
              const data = bytesOf(sender, piece)
              if (lost && round < 200) sender.lost(piece)
              else wire.push({ ...piece, data })
              if (doubled) wire.push({ ...piece, data })
              if (probed && round < 200) sender.lost(piece)
            }
            if (wire.length > 4 || piece === undefined) deliver(place % wire.length)
          }
          expect(arrived).toEqual(sent)
          expect(sender.heldBytes).toBe(0)
          expect(receiver.heldBytes).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('[ST9] is full with 1 MiB unsent, and writable once below', () => {
    const stream = new MessageStream(0, 10 * unsentBytesMax)
    expect(stream.queue(message(unsentBytesMax))).toBe(true)
    expect(stream.queue(message(1))).toBe(false)
    expect(stream.takeWritable()).toBe(false)
    stream.sending.takePiece(100, 1e9)
    expect(stream.takeWritable()).toBe(true)
    expect(stream.takeWritable()).toBe(false)
    expect(stream.queue(message(1))).toBe(true)
  })

  test('[ST5] sends nothing new beyond the credit of the stream or the connection', () => {
    const sender = new SendStream(0, 100)
    sender.write(message(500))
    // A limit never shrinks.
    sender.raiseLimit(50)
    expect(sender.takePiece(1000, 60)).toEqual({ offset: 0, length: 60, fin: false })
    expect(sender.takePiece(1000, 1000)).toEqual({ offset: 60, length: 40, fin: false })
    expect(sender.canSend(1000)).toBe(false)
    sender.lost({ offset: 10, length: 20, fin: false })
    expect(sender.takePiece(1000, 0)).toEqual({ offset: 10, length: 20, fin: false })
    sender.raiseLimit(150)
    expect(sender.takePiece(1000, 1000)).toEqual({ offset: 100, length: 50, fin: false })
  })

  test('[ST1] what was acknowledged is not sent again', () => {
    const sender = new SendStream(0, 1000)
    sender.write(message(500))
    sender.takePiece(400, 1e9)
    sender.acknowledged({ offset: 100, length: 100, fin: false })
    sender.lost({ offset: 0, length: 400, fin: false })
    expect(sender.takePiece(1000, 1e9)).toEqual({ offset: 0, length: 100, fin: false })
    expect(sender.takePiece(1000, 1e9)).toEqual({ offset: 200, length: 200, fin: false })
  })

  test('[ST15] the end goes with the last bytes, again when it is lost, and never once it has arrived', () => {
    const sender = new SendStream(0, 1000)
    sender.write(message(100))
    const first = sender.takePiece(60, 1e9)!
    sender.finish()
    const last = sender.takePiece(60, 1e9)!
    expect([first.fin, last.fin]).toEqual([false, true])
    expect(sender.canSend(1e9)).toBe(false)
    sender.lost(last)
    expect(sender.takePiece(60, 1e9)).toEqual(last)
    sender.acknowledged(last)
    expect(sender.state).toBe('data-sent')
    sender.lost(first)
    expect(sender.takePiece(1000, 1e9)).toEqual(first)
    expect(sender.canSend(1e9)).toBe(false)
    sender.acknowledged(first)
    expect(sender.state).toBe('data-received')
  })

  test('[ST15] an end after all bytes have left goes by itself, also again', () => {
    const sender = new SendStream(0, 1000)
    sender.write(message(100))
    sender.takePiece(1000, 1e9)
    sender.finish()
    // The end needs no credit.
    const end = { offset: 100, length: 0, fin: true }
    expect(sender.takePiece(1000, 0)).toEqual(end)
    expect(sender.canSend(1e9)).toBe(false)
    sender.lost(end)
    expect(sender.takePiece(1000, 0)).toEqual(end)
    sender.everythingInFlightIsLost()
    expect(sender.takePiece(1000, 0)).toEqual({ offset: 0, length: 100, fin: true })
  })

  test('[ST22] what is acknowledged is freed, whatever is missing before it', () => {
    const sender = new SendStream(0, 1e9)
    for (let count = 0; count < 3; count += 1) sender.write(message(10_000))
    const pieces = [0, 1, 2].map(() => sender.takePiece(10_000, 1e9)!)
    sender.acknowledged(pieces[1]!)
    expect(sender.heldBytes).toBe(20_000)
    // Half of a chunk frees nothing yet.
    sender.acknowledged({ offset: 20_000, length: 5_000, fin: false })
    expect(sender.heldBytes).toBe(20_000)
    sender.acknowledged(pieces[2]!)
    expect(sender.heldBytes).toBe(10_000)
    sender.lost(pieces[0]!)
    expect(bytesOf(sender, sender.takePiece(20_000, 1e9)!)).toEqual(message(10_000))
    sender.acknowledged(pieces[0]!)
    expect(sender.heldBytes).toBe(0)
  })

  test('[ST1] thousands of small messages share few chunks of memory', () => {
    const stream = new MessageStream(0, 1e9)
    for (let index = 0; index < 10_000; index += 1) stream.queue(message(10, index))
    expect(stream.sending.heldBytes).toBeLessThan(130_000)
  })
})

/** A reader that takes what it gets. */
function reader(): { readonly receiver: ReceiveStream; readonly taken: Uint8Array[] } {
  const taken: Uint8Array[] = []
  const receiver: ReceiveStream = new ReceiveStream({
    take: (bytes) => {
      taken.push(bytes.slice())
      receiver.consume(bytes.length)
      return undefined
    },
  })
  return { receiver, taken }
}

describe('receiving', () => {
  test('[ST5] data beyond the credit is a violation', () => {
    const { receiver } = reader()
    expect(receiver.receive(streamWindowBytes - 1, message(1), false)).toBeUndefined()
    expect(receiver.receive(streamWindowBytes, message(1), false)).toBe('flow-control')
  })

  test('[ST8] gaps are bounded in number', () => {
    const { receiver } = reader()
    for (let index = 0; index < reorderedRunsMax; index += 1) {
      expect(receiver.receive(1 + index * 2, message(1), false)).toBeUndefined()
    }
    expect(receiver.receive(1 + reorderedRunsMax * 2, message(1), false)).toBe('gaps')
  })

  test('[ST8] memory for gaps stays within the window and is given back', () => {
    const stream = new MessageStream(0, 0)
    const { receiving } = stream
    const whole = message(streamWindowBytes - 10)
    const framed = new ByteWriter().bytes(whole).finish()
    expect(receiving.receive(1000, framed.subarray(1000), false)).toBeUndefined()
    expect(stream.receiveBufferBytes).toBeLessThanOrEqual(streamWindowBytes)
    expect(receiving.receive(0, framed.subarray(0, 1500), false)).toBeUndefined()
    expect(stream.takeMessages()).toEqual([whole])
    expect(stream.receiveBufferBytes).toBe(0)
  })

  test('[ST8] the reorder buffer keeps bytes across growth and wrapping', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 20_000 }), fc.integer({ min: 1, max: 3000 })), {
          maxLength: 30,
        }),
        fc.nat({ max: 100_000 }),
        (writes, base) => {
          const buffer = new ReorderBuffer()
          const written = new RangeSet()
          for (const [ahead, length] of writes) {
            const offset = base + 1 + ahead
            const data = Uint8Array.from({ length }, (_, index) => (offset + index) % 251)
            buffer.write(base, offset, data)
            written.add(offset, offset + length)
          }
          let isSame = true
          for (let at = base; at < base + 24_000;) {
            const run = buffer.read(at)
            isSame &&= run.length > 0 === written.has(at)
            isSame &&= run.every((byte, index) => byte === (at + index) % 251)
            at += Math.max(1, run.length)
          }
          expect(isSame).toBe(true)
          expect(buffer.capacityBytes).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('messages', () => {
  test('[ST4] memory follows what has arrived, not what was announced', () => {
    const assembler = new MessageAssembler()
    const head = new ByteWriter().varint(messageBytesMax).finish()
    expect(assembler.push(head, [])).toBe(true)
    expect(assembler.allocatedBytes).toBe(0)
    let arrived = 0
    const part = message(10_000)
    while (arrived < 1_000_000) {
      expect(assembler.push(part, [])).toBe(true)
      arrived += part.length
      expect(assembler.allocatedBytes).toBeLessThanOrEqual(Math.max(65_536, arrived * 4))
    }
  })

  test.each([
    ['of no length', Uint8Array.of(0)],
    ['beyond 16 MiB', new ByteWriter().varint(messageBytesMax + 1).finish()],
    ['with a length of five bytes', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01)],
    ['with a padded length', Uint8Array.of(0x81, 0x00)],
  ])('[ST3] a message %s ends the connection', (_name, bytes) => {
    expect(new MessageAssembler().push(bytes, [])).toBe(false)
  })
})

describe('windows', () => {
  test('[ST6] credit is announced at half, and doubles when it is used up quickly', () => {
    const window = new ReceiveWindow(1000, 4000)
    expect(window.consume(499)).toBe(false)
    expect(window.consume(1)).toBe(true)
    expect(window.advance(0, 100)).toBe(1500)
    expect(window.consume(500)).toBe(true)
    expect(window.advance(150, 100)).toBe(3000)
    window.consume(1000)
    expect(window.advance(1000, 100)).toBe(4000)
    // However short the round trip, half a window in a tenth of a second is quick.
    window.consume(1000)
    expect(window.advance(1100, 1)).toBe(5000)
    window.consume(1000)
    expect(window.advance(1199, 1)).toBe(8000)
    for (let round = 0; round < 5; round += 1) {
      window.consume(2000)
      window.advance(1200 + round, 100)
    }
    expect(window.windowBytes).toBe(4000)
  })

  test('[ST6] a stream window grows to its maximum and no further', () => {
    const { receiver } = reader()
    const packet = new Uint8Array(16 * 1024)
    let limit = streamWindowBytes
    let offset = 0
    for (let round = 0; round < 10; round += 1) {
      for (; offset < limit; offset += packet.length) {
        expect(receiver.receive(offset, packet, false)).toBeUndefined()
      }
      expect(receiver.takeCreditDue()).toBe(true)
      limit = receiver.advance(round, 10)
    }
    expect(limit - offset).toBe(streamWindowBytesMax)
  })
})
