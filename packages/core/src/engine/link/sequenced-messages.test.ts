import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FlightRecorder } from '../../recorder/recorder.ts'
import { registry } from '../../recorder/registry.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { SeededRandom } from '../crypto/random.ts'
import { acknowledgementGapMs } from './acknowledgement-timing.ts'
import { decodeSequencedMessage, encodeSequencedMessage } from './sequence-header.ts'
import { SequencedMessages } from './sequenced-messages.ts'

/** One end: its messages and what they count. */
function end(messageBytes: number) {
  const flight = new FlightRecorder(registry, { level: 'debug' })
  const context = {
    random: new SeededRandom(new Uint8Array(32)),
    cryptography: nobleCryptography,
    recorder: flight.recorder,
  }
  const sizing = { claimedBytes: messageBytes, safeBytes: messageBytes, startsWithClaim: false }
  const messages = new SequencedMessages(context, sizing)
  return { messages, counter: (name: string) => flight.snapshot().counters[`link.${name}`] }
}

/** What the end would send now; new contents as long as there are some. */
function transmit(
  messages: SequencedMessages,
  contents: Uint8Array[],
  nowMs: number,
): Uint8Array[] {
  const sent: Uint8Array[] = []
  for (;;) {
    let bytes = messages.transmitFirst(nowMs)
    const allowance = bytes ? undefined : messages.allowance(nowMs)
    if (allowance) {
      const next = contents.shift()
      if (next) bytes = messages.wrap(next.subarray(0, allowance.contentsBytes), nowMs)
      else messages.idle()
    }
    bytes ??= messages.transmitLast(false, nowMs)
    if (!bytes) return sent
    messages.sent(bytes.length)
    messages.drained(bytes.length * 1e6)
    sent.push(bytes)
  }
}

test('[LK23] acknowledgements of a fast channel do not hold back repeats on a slow one', () => {
  const [a, b] = [end(20), end(20)]
  for (const { messages } of [a, b]) messages.proven()
  let flying: { readonly bytes: Uint8Array; readonly to: SequencedMessages; atMs: number }[] = []
  let clearAtMs = 0
  let isLosing = false
  let nowMs = 0
  /** From a to b at 1 byte a millisecond, but for acknowledgements; back at once. */
  const step = (fromA: Uint8Array[], fromB: Uint8Array[]): void => {
    for (const bytes of transmit(a.messages, fromA, nowMs)) {
      const message = decodeSequencedMessage(bytes)
      const hasPlace = typeof message !== 'string' && message.place !== undefined
      if (hasPlace) clearAtMs = Math.max(clearAtMs, nowMs) + bytes.length
      const isLost = hasPlace && isLosing
      if (hasPlace) isLosing = false
      if (!isLost) flying.push({ bytes, to: b.messages, atMs: (hasPlace ? clearAtMs : nowMs) + 10 })
    }
    for (const bytes of transmit(b.messages, fromB, nowMs)) {
      flying.push({ bytes, to: a.messages, atMs: nowMs + 10 })
    }
    nowMs += 1
    const arriving = flying.filter(({ atMs }) => atMs <= nowMs)
    flying = flying.filter(({ atMs }) => atMs > nowMs)
    for (const { bytes, to } of arriving) to.receive(bytes.slice(), nowMs)
    for (const { messages } of [a, b]) {
      messages.handleDeadline(nowMs)
      while (messages.take()) continue
    }
  }
  const contents = (count: number) => Array.from({ length: count }, () => new Uint8Array(8))
  const forMs = (ms: number, fromA: Uint8Array[], fromB: () => Uint8Array[]): void => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1) step(fromA, fromB())
  }
  // The start is over: a knows how slow its direction is, and how short the way without a queue.
  forMs(4_000, contents(300), () => [])
  for (let count = 0; count < 40; count += 1) forMs(50, contents(1), () => [])
  expect(a.messages.bandwidthBytesPerSecond).toBeLessThan(1_500)
  // An acknowledgement each millisecond, of 4 bytes and more.
  const flood = (): Uint8Array[] => contents(16)
  forMs(300, [], flood)
  isLosing = true
  forMs(400, contents(4), flood)
  expect(a.messages.isDelivered).toBe(true)
})

describe('[LK18] a channel that does to messages what it likes', () => {
  /** What happens to each message: how often it arrives, and after how long. */
  const fates = fc.array(
    fc.record({
      copies: fc.nat(2),
      delayMs: fc.nat(300),
    }),
    { minLength: 1, maxLength: 40 },
  )

  test.each([20, 130, 1200])(
    'gives all contents in order, with messages of %i bytes',
    (bytesMax) => {
      fc.assert(
        fc.property(fates, fc.integer({ min: 1, max: 60 }), (fate, count) => {
          const [a, b] = [end(bytesMax), end(bytesMax)]
          a.messages.proven()
          b.messages.proven()
          const contents = Array.from({ length: count }, (_, index) =>
            new Uint8Array(1 + ((index * 7) % (bytesMax / 2))).fill(index),
          )
          const waiting = contents.map((each) => each.slice())
          const given: Uint8Array[] = []
          let flying: {
            readonly bytes: Uint8Array
            readonly to: SequencedMessages
            atMs: number
          }[] = []
          let fateIndex = 0
          let nowMs = 0
          const send = (
            from: SequencedMessages,
            to: SequencedMessages,
            own: Uint8Array[],
          ): void => {
            for (const bytes of transmit(from, own, nowMs)) {
              expect(bytes.length).toBeLessThanOrEqual(bytesMax)
              // The channel behaves after a while: nothing helps against one that loses everything.
              const isWild = nowMs < 5000
              const { copies, delayMs } = fate[fateIndex % fate.length]!
              fateIndex += 1
              for (let copy = 0; copy < (isWild ? copies : 1); copy += 1) {
                flying.push({ bytes, to, atMs: nowMs + (isWild ? delayMs * (copy + 1) : 10) })
              }
            }
          }
          for (
            let turn = 0;
            turn < 5000 && !(a.messages.isDelivered && waiting.length === 0);
            turn += 1
          ) {
            send(a.messages, b.messages, waiting)
            send(b.messages, a.messages, [])
            const nextMs = Math.min(
              a.messages.nextDeadlineMs(),
              b.messages.nextDeadlineMs(),
              ...flying.map(({ atMs }) => atMs),
            )
            expect(nextMs).toBeLessThan(Number.POSITIVE_INFINITY)
            nowMs = Math.max(nowMs, nextMs)
            const arriving = flying.filter(({ atMs }) => atMs <= nowMs)
            flying = flying.filter(({ atMs }) => atMs > nowMs)
            for (const { bytes, to } of arriving) to.receive(bytes.slice(), nowMs)
            for (const { messages } of [a, b]) messages.handleDeadline(nowMs)
            for (let next = b.messages.take(); next; next = b.messages.take()) given.push(next)
          }
          expect(given).toEqual(contents)
        }),
        { numRuns: 60 },
      )
    },
  )
})

describe('[LK24] messages of somebody else', () => {
  test('any bytes leave both halves as they were, or as honest messages would', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 60 }), (forged) => {
        const { messages } = end(1200)
        let nowMs = 0
        for (const bytes of forged) {
          nowMs += 5
          messages.receive(bytes, nowMs)
          messages.handleDeadline(nowMs)
          transmit(messages, [Uint8Array.of(1, 2, 3)], nowMs)
          while (messages.take()) continue
        }
        expect(messages.nextDeadlineMs()).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  test('floods of gaps and of old messages are answered a thousand times a second, and held to a bound', () => {
    const { messages, counter } = end(1200)
    let acknowledgements = 0
    for (let index = 0; index < 20_000; index += 1) {
      const nowMs = index / 100
      const sequence = index % 3 === 0 ? 0 : (index * 2) % 2000
      const place = { sequence, attempt: 0 }
      const flood = { isWide: true, atOnce: true, isProbe: false, hasLength: false, place }
      messages.receive(encodeSequencedMessage({ ...flood, rest: new Uint8Array(100) }), nowMs)
      messages.handleDeadline(nowMs)
      acknowledgements += transmit(messages, [], nowMs).length
      while (messages.take()) continue
    }
    expect(acknowledgements).toBeLessThanOrEqual(200 / acknowledgementGapMs + 1)
    expect(counter('messagesRefused')).toBeGreaterThan(0)
    expect(counter('messagesDuplicate')).toBeGreaterThan(6000)
  })

  test('an acknowledgement of what was never sent is counted and changes nothing', () => {
    const { messages, counter } = end(1200)
    transmit(messages, [Uint8Array.of(1)], 0)
    const told = { next: 2, delayMs: 0, latestOffset: -1, latestAttempt: 0, ranges: [] }
    const lie = { isWide: true, atOnce: false, isProbe: false, hasLength: false }
    const bytes = encodeSequencedMessage({ ...lie, acknowledgement: told, rest: new Uint8Array(0) })
    expect(messages.receive(bytes, 10)).toBe(true)
    expect(counter('acknowledgementsIgnored')).toBe(1)
    expect(messages.isDelivered).toBe(false)
    expect(messages.rttMs).toBe(undefined)
  })

  test('a header that breaks a rule is no sign of life', () => {
    const { messages, counter } = end(1200)
    expect(messages.receive(Uint8Array.of(0), 0)).toBe(false)
    expect(messages.receive(Uint8Array.of(0x14, 0, 0, 9, 1), 0)).toBe(false)
    expect(counter('messagesMalformed')).toBe(1)
    expect(counter('messagesCut')).toBe(1)
  })
})

describe('[LK19] acknowledging', () => {
  const contents = (sequence: number, bytes: number, atOnce = false): Uint8Array =>
    encodeSequencedMessage({
      isWide: bytes >= 128,
      atOnce,
      isProbe: false,
      hasLength: false,
      place: { sequence, attempt: 0 },
      rest: new Uint8Array(bytes),
    })

  /** When each of the messages, that come a millisecond apart, is answered. */
  function answersAtMs(messages: readonly Uint8Array[], bytesMax: number): number[] {
    const { messages: receiving } = end(bytesMax)
    const atMs: number[] = []
    for (let nowMs = 0; nowMs < 60; nowMs += 1) {
      const message = messages[nowMs]
      if (message) receiving.receive(message, nowMs)
      receiving.handleDeadline(nowMs)
      if (transmit(receiving, [], nowMs).length > 0) atMs.push(nowMs)
    }
    return atMs
  }

  test('takes place for each second message, or after 25 ms', () => {
    const five = Array.from({ length: 5 }, (_, sequence) => contents(sequence, 1000))
    expect(answersAtMs(five, 1200)).toEqual([1, 3, 29])
  })

  test('takes place for each sixteenth small message', () => {
    const forty = Array.from({ length: 40 }, (_, sequence) => contents(sequence, 17))
    expect(answersAtMs(forty, 20)).toEqual([15, 31, 57])
  })

  test('takes place at once when asked, and when a message is out of order', () => {
    expect(answersAtMs([contents(0, 1000, true)], 1200)).toEqual([0])
    expect(answersAtMs([contents(1, 1000), contents(0, 1000)], 1200)).toEqual([0, 1])
    expect(answersAtMs([contents(0, 17), contents(0, 17)], 20)).toEqual([1])
  })

  test('goes along with contents, in half of a narrow message at most', () => {
    const { messages } = end(20)
    messages.proven()
    for (let sequence = 1; sequence < 400; sequence += 2) messages.receive(contents(sequence, 5), 0)
    const [message] = transmit(messages, [new Uint8Array(20)], 0)
    expect(message!.length).toBeLessThanOrEqual(20)
    const decoded = decodeSequencedMessage(message!)
    if (typeof decoded === 'string') throw new Error(decoded)
    expect(decoded.rest.length).toBeGreaterThanOrEqual(7)
    expect(decoded.acknowledgement).toBeDefined()
  })
})
