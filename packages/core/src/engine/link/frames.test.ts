import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { keyLifetime } from '../noise/key-use.ts'
import {
  decodeFragmentHeader,
  encodeFragmentHeader,
  frameKindCodes,
  frameKindOf,
  wholePayload,
} from './frame.ts'
import type { FrameKind, OutgoingFrame, PriorityIndex } from './frame.ts'
import { frameBodyBytesMax, FrameCipher } from './frame-cipher.ts'
import { FramePacker } from './frame-packer.ts'
import { FrameReassembler } from './frame-reassembler.ts'
import { decodeHello, encodeHello, microsBetween, wireMicros } from './hello.ts'
import { queueBytesMax, SendQueue } from './send-queue.ts'

type Queued = OutgoingFrame & { readonly priority: PriorityIndex }

/** What becomes of keys: rekey.test.ts. */
const keepsKey = (kind: FrameKind): boolean => kind !== 'rekey'

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 400, size: 'max' }),
  fc.uint8Array({ minLength: 1_100, maxLength: 1_500, size: 'max' }),
)

const anyFrame: fc.Arbitrary<Queued> = fc.record({
  kind: fc.constantFrom(...(Object.keys(frameKindCodes) as FrameKind[]).filter(keepsKey)),
  priority: fc.constantFrom<PriorityIndex>(0, 1, 2, 3),
  payload: fc.oneof(anyBytes, fc.tuple(fc.uint8Array({ maxLength: 100 }), anyBytes)),
})

function ciphers(isSealed: boolean): readonly [FrameCipher, FrameCipher] {
  const pair = [new FrameCipher(), new FrameCipher()] as const
  if (isSealed) {
    const key = () => new CipherState(new Uint8Array(32).fill(7), nobleCryptography)
    for (const cipher of pair) cipher.secure({ send: key(), receive: key() }, keyLifetime)
  }
  return pair
}

/** Sends all frames through a channel; gives what came out, in order. */
function transfer(frames: readonly Queued[], messageBytesMax: number, isSealed: boolean) {
  const [sending, receiving] = ciphers(isSealed)
  const packer = new FramePacker(sending)
  const reassembler = new FrameReassembler(frameBodyBytesMax)
  const waiting = [...frames]
  const received: { kind: FrameKind | undefined; priority: number; payload: Uint8Array }[] = []
  const messages: Uint8Array[] = []
  for (;;) {
    const message = packer.pack(messageBytesMax, 3, (priority) => {
      const index = waiting.findIndex((frame) => frame.priority === priority)
      return index < 0 ? undefined : waiting.splice(index, 1)[0]
    })
    if (!message) break
    messages.push(message)
    reassembler.load(message)
    for (let frame = reassembler.next(); frame; frame = reassembler.next()) {
      const payload = receiving.open(frame)!
      received.push({ kind: frameKindOf(frame.kindCode), priority: frame.priority, payload })
    }
    expect(reassembler.fault).toBe(undefined)
  }
  return { received, messages }
}

describe('frames', () => {
  test('[FR3] every byte is a header, and every header is that byte', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      expect(encodeFragmentHeader(decodeFragmentHeader(byte))).toBe(byte)
    }
  })

  test('[FR4] [FR5] arrive whole and in order of each priority, over messages of any size', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.oneof(fc.integer({ min: 20, max: 200 }), fc.constant(65_535)),
        fc.boolean(),
        (frames, messageBytesMax, isSealed) => {
          const { received, messages } = transfer(frames, messageBytesMax, isSealed)
          for (const priority of [0, 1, 2, 3]) {
            const sent = frames.filter((frame) => frame.priority === priority)
            const got = received.filter((frame) => frame.priority === priority)
            const whole = ({ payload, ...frame }: Queued) => {
              return { ...frame, payload: wholePayload(payload) }
            }
            expect(got).toEqual(sent.map(whole))
          }
          for (const message of messages) {
            expect(message.length).toBeGreaterThan(0)
            expect(message.length).toBeLessThanOrEqual(messageBytesMax)
          }
        },
      ),
    )
  })

  test('[FR5] small frames share a message, and a large one costs few bytes of headers', () => {
    const small = Array.from({ length: 100 }, (): Queued => {
      return { kind: 'packet', priority: 2, payload: new Uint8Array(30) }
    })
    expect(transfer(small, 65_535, true).messages).toHaveLength(1)
    const large: Queued = { kind: 'packet', priority: 2, payload: new Uint8Array(1200) }
    const { messages } = transfer([large], 182, true)
    const bytes = messages.reduce((sum, message) => sum + message.length, 0)
    expect(bytes).toBeLessThan(1200 * 1.033)
  })

  test('[FR5] a waiting frame of higher priority goes before the rest of one that has begun', () => {
    const packer = new FramePacker(new FrameCipher())
    const bulk: OutgoingFrame[] = [{ kind: 'packet', payload: new Uint8Array(100) }]
    const urgent: OutgoingFrame[] = []
    const source = (priority: PriorityIndex) =>
      (priority === 3 ? bulk : priority === 1 ? urgent : []).shift()
    expect(decodeFragmentHeader(packer.pack(20, 3, source)![0]!).priority).toBe(3)
    urgent.push({ kind: 'packet', payload: new Uint8Array(10) })
    expect(decodeFragmentHeader(packer.pack(20, 3, source)![0]!).priority).toBe(1)
    expect(decodeFragmentHeader(packer.pack(20, 3, source)![0]!).priority).toBe(3)
  })

  test.each([
    ['a length beyond the message', [0x53, 5, 1], 'truncated'],
    ['no length', [0x53], 'truncated'],
    ['a fragment without its first', [0x51, 0], 'out-of-order'],
    ['a first fragment inside a frame', [0x52, 1, 0, 0x52, 1, 0], 'out-of-order'],
    ['a kind that changes inside a frame', [0x52, 1, 0, 0x21, 1, 0], 'out-of-order'],
    ['a frame beyond its bound', [0x52, 6, 0, 0, 0, 0, 0, 0, 0x51, 5, 0, 0, 0, 0, 0], 'too-long'],
  ])('[FR10] %s is a fault', (_name, bytes, fault) => {
    const reassembler = new FrameReassembler(10)
    reassembler.load(Uint8Array.from(bytes))
    while (reassembler.next());
    expect(reassembler.fault).toBe(fault)
  })

  test('[FR10] any messages give frames or a fault, within bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 }), (messages) => {
        const reassembler = new FrameReassembler(64)
        for (const message of messages) {
          reassembler.load(message)
          for (let frame = reassembler.next(); frame; frame = reassembler.next()) {
            expect(frame.body.length).toBeLessThanOrEqual(64)
          }
          expect(reassembler.heldBytes).toBeLessThanOrEqual(4 * 1024)
        }
      }),
    )
  })

  test('[FR7] a frame that was bent, moved or repeated does not decipher', () => {
    const [sending, receiving] = ciphers(true)
    const seal = (priority: PriorityIndex, payload: Uint8Array) =>
      concatBytes(...sending.seal(5, priority, payload))
    const first = seal(2, Uint8Array.of(1))
    const second = seal(2, Uint8Array.of(2))
    const other = seal(1, Uint8Array.of(3))
    const open = (kindCode: number, priority: PriorityIndex, body: Uint8Array) =>
      receiving.open({ kindCode, priority, body })
    expect(open(5, 1, other)).toEqual(Uint8Array.of(3))
    expect(open(5, 2, first)).toEqual(Uint8Array.of(1))
    expect(open(5, 3, second)).toBe(undefined)
    expect(open(5, 1, other)).toBe(undefined)
    expect(open(2, 2, second)).toBe(undefined)
    expect(open(5, 0, second.subarray(0, 10))).toBe(undefined)
  })

  test('[FR8] a packet is sealed whole up to 1,200 bytes, and beyond them its first 64', () => {
    const [sending] = ciphers(true)
    const sealedOf = (kindCode: number, payload: Uint8Array) => {
      const body = concatBytes(...sending.seal(kindCode, 3, payload))
      expect(body.length).toBe(payload.length + 16)
      let inClear = payload.length
      while (inClear > 0 && body[inClear - 1] === payload[inClear - 1]) inClear -= 1
      return inClear
    }
    const bytes = new Uint8Array(1_201).map((_, index) => index)
    for (const [kind, kindCode] of Object.entries(frameKindCodes)) {
      if (kind === 'auth') continue
      expect(sealedOf(kindCode, bytes.subarray(1))).toBeGreaterThan(1_190)
      expect(sealedOf(kindCode, bytes)).toBeGreaterThan(kind === 'packet' ? 60 : 1_190)
    }
    expect(sealedOf(frameKindCodes.packet, bytes)).toBeLessThanOrEqual(64)
  })

  test('[FR8] what of a large packet is in clear cannot be given to another, cut or grown', () => {
    const packets = [1, 2].map((byte) => new Uint8Array(1_500).fill(byte))
    const bodies = () => {
      const [sending, receiving] = ciphers(true)
      const sealed = packets.map((packet) => concatBytes(...sending.seal(5, 3, packet)))
      const open = (body: Uint8Array) => receiving.open({ kindCode: 5, priority: 3, body })
      return { first: sealed[0]!, second: sealed[1]!, open }
    }
    const honest = bodies()
    expect(honest.open(honest.first)).toEqual(packets[0])
    expect(honest.open(honest.second)).toEqual(packets[1])
    const swapped = bodies()
    swapped.first.set(swapped.second.subarray(64, 1_500), 64)
    expect(swapped.open(swapped.first)).toBe(undefined)
    const cut = bodies()
    cut.first.copyWithin(64, 65)
    expect(cut.open(cut.first.subarray(0, -1))).toBe(undefined)
    const grown = bodies()
    expect(grown.open(concatBytes(grown.first.subarray(0, 64), grown.first))).toBe(undefined)
    for (let at = 0; at < 1_516; at += 1) {
      if (at >= 64 && at < 1_484) continue
      const bent = bodies()
      bent.first[at]! ^= 1
      const before = bent.first.slice()
      expect(bent.open(bent.first)).toBe(undefined)
      expect(bent.first).toEqual(before)
    }
  })
})

describe('hellos', () => {
  const micros = fc.nat(0xffff_ffff)

  test('[LK3] say what was said, and any bytes are a hello or none', () => {
    const anyHello = fc.record(
      {
        probe: fc.boolean(),
        number: fc.nat(255),
        intervalMs: fc.integer({ min: 1000, max: 60_000 }),
        sentAtMicros: micros,
        echo: fc.record({ sentAtMicros: micros, heldMicros: micros }),
      },
      { requiredKeys: ['probe', 'number', 'intervalMs', 'sentAtMicros'] },
    )
    fc.assert(
      fc.property(anyHello, (hello) => {
        expect(decodeHello(encodeHello(hello))).toEqual(hello)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const intervalMs = decodeHello(bytes)?.intervalMs ?? 1000
        expect(intervalMs).toBeGreaterThanOrEqual(1000)
        expect(intervalMs).toBeLessThanOrEqual(60_000)
      }),
    )
  })

  test('[LK4] times are measured across the wrap of the clock', () => {
    const wrapMs = 0x1_0000_0000 / 1000
    expect(microsBetween(wireMicros(wrapMs - 1), wireMicros(wrapMs + 1))).toBe(2000)
  })
})

describe('send queue', () => {
  const frame = (length: number): OutgoingFrame => ({
    kind: 'packet',
    payload: new Uint8Array(length),
  })

  test('[LK12] refuses beyond its bound, and says once when it has room again', () => {
    const queue = new SendQueue()
    let count = 0
    while (queue.offer(2, frame(1000))) count += 1
    expect(queue.waitingBytes).toBeLessThanOrEqual(queueBytesMax)
    expect(queue.offer(1, frame(1000))).toBe(true)
    expect(queue.takeWritable()).toBe(false)
    let taken = 0
    while (!queue.takeWritable()) {
      queue.take(2)
      taken += 1
    }
    expect((count - taken) * 1032).toBeLessThanOrEqual(queueBytesMax / 4)
    expect(queue.takeWritable()).toBe(false)
    while (queue.take(2));
    expect(queue.takeWritable()).toBe(false)
  })

  test('[LK12] a slow channel has a shorter queue, which takes one frame of any size', () => {
    const queue = new SendQueue()
    expect(queue.offer(2, frame(1000), 500)).toBe(true)
    expect(queue.offer(2, frame(1), 500)).toBe(false)
    expect(queue.takeWritable()).toBe(false)
    queue.take(2)
    expect(queue.takeWritable()).toBe(true)
    let count = 0
    while (queue.offer(2, frame(100), 1320)) count += 1
    expect(count).toBe(10)
    while (!queue.takeWritable()) queue.take(2)
    expect(queue.waitingBytes).toBe(2 * 132)
  })

  test('[LK12] empty frames are bounded too, and a frame of any size fits an empty queue', () => {
    const queue = new SendQueue()
    let count = 0
    while (queue.offer(0, frame(0))) count += 1
    expect(count).toBe(queueBytesMax / 32)
    expect(queue.offer(3, frame(65_536))).toBe(true)
  })
})
