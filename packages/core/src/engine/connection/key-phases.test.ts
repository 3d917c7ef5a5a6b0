/** Keys of a connection that follow each other. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { concatBytes } from '../bytes/compare.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { keyLifetime, type KeyLifetime } from '../noise/key-use.ts'
import { formerKeyMsMax, keyLimits, ReceiveKeys, SendKeys, type KeyLimits } from './key-phases.ts'
import { packetNumberMax } from './packet-number.ts'
import { PacketProtection } from './packet-protection.ts'
import { decodePacket, type Packet } from './packet.ts'
import {
  arrivedOn,
  calm,
  high,
  highIdentity,
  lowIdentity,
  Network,
  patternBytes,
  sendAll,
} from './virtual-network-peers.ts'

const key = new Uint8Array(32).fill(5)
const header = Uint8Array.of(1, 2, 3)
const eternal: KeyLifetime = {
  messages: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  ms: Number.POSITIVE_INFINITY,
}
const unlimited: KeyLimits = {
  phase: eternal,
  numbers: packetNumberMax,
  forgeries: Number.POSITIVE_INFINITY,
}

function cipher(): CipherState {
  return new CipherState(key, nobleCryptography)
}

/** A sender whose keys change after each packet as soon as they may, and its receiver. */
class Pair {
  readonly receiver = new ReceiveKeys(cipher())
  readonly #sender = new SendKeys(cipher(), { ...eternal, messages: 1 })
  #number = 0

  /** A packet; `acknowledged` is the largest number that the sender knows to have arrived. */
  seal(acknowledged: number): { number: number; phase: 0 | 1; bytes: Uint8Array } {
    const number = this.#number
    this.#number += 1
    const { cipher, phase } = this.#sender.take(number, 1, acknowledged, 0)
    return {
      number,
      phase,
      bytes: concatBytes(...cipher.sealAt(number, header, Uint8Array.of(number))),
    }
  }

  open({ number, phase, bytes }: ReturnType<Pair['seal']>, nowMs = 0): boolean {
    return this.receiver.open(phase, number, header, bytes, nowMs) !== undefined
  }
}

describe('a sender', () => {
  test('[CN38] goes on to the next key only when a packet under the present one arrived', () => {
    const pair = new Pair()
    const phases = [-1, -1, -1, 0, 2, 2, 4].map((acknowledged) => pair.seal(acknowledged).phase)
    // The fourth packet is the first under the second key; nothing of that has arrived by the sixth.
    expect(phases).toEqual([0, 0, 0, 1, 1, 1, 0])
  })

  test('[CN38] counts packets, bytes and time, each up to its limit', () => {
    const byPackets = new SendKeys(cipher(), { ...eternal, messages: 3 })
    const phases = Array.from({ length: 9 }, (_, number) => {
      return byPackets.take(number, 1000, number - 1, 0).phase
    })
    expect(phases).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0])
    const byBytes = new SendKeys(cipher(), { ...eternal, bytes: 1500 })
    const phasesByBytes = [0, 1, 2, 3, 4].map((number) => {
      return byBytes.take(number, 1000, number - 1, 0).phase
    })
    expect(phasesByBytes).toEqual([0, 0, 1, 1, 0])
    const byTime = new SendKeys(cipher(), { ...eternal, ms: 100 })
    const phasesByTime = [5_000, 5_099, 5_100, 5_199, 5_200, 9_000].map((nowMs, number) => {
      return byTime.take(number, 1, number - 1, nowMs).phase
    })
    expect(phasesByTime).toEqual([0, 0, 1, 1, 0, 1])
    expect(keyLimits.phase).toBe(keyLifetime)
    expect(keyLifetime).toEqual({ messages: 2 ** 20, bytes: 2 ** 30, ms: 3_600_000 })
  })

  test('[CN8] never seals two packets of one number', () => {
    const keys = new SendKeys(cipher(), keyLimits.phase)
    keys.take(5, 1, -1, 0)
    expect(() => keys.take(5, 1, -1, 0)).toThrow('once')
    expect(() => keys.take(4, 1, -1, 0)).toThrow('once')
  })
})

describe('a receiver', () => {
  test('[CN37][CN39] follows any number of phases', () => {
    const pair = new Pair()
    for (let number = 0; number < 50; number += 1)
      expect(pair.open(pair.seal(number - 1))).toBe(true)
  })

  test('[CN39] opens packets that were overtaken for 10 s, and then no more', () => {
    const pair = new Pair()
    const [first, second, late] = [pair.seal(-1), pair.seal(-1), pair.seal(-1)]
    expect(pair.open(first, 100)).toBe(true)
    const next = pair.seal(0)
    expect(next.phase).not.toBe(first.phase)
    expect(pair.open(next, 200)).toBe(true)
    expect(pair.receiver.deadlineMs).toBe(200 + formerKeyMsMax)
    expect(pair.open(second, 199 + formerKeyMsMax)).toBe(true)
    expect(pair.open(late, 200 + formerKeyMsMax)).toBe(false)
    expect(pair.receiver.deadlineMs).toBe(Number.POSITIVE_INFINITY)
  })

  test('[CN39] opens packets of the new phase in any order', () => {
    const pair = new Pair()
    expect(pair.open(pair.seal(-1))).toBe(true)
    const [third, fourth, fifth] = [pair.seal(0), pair.seal(0), pair.seal(0)]
    for (const packet of [fifth, third, fourth]) expect(pair.open(packet)).toBe(true)
  })

  test('[CN39] forged phases, numbers and tags change nothing', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            phase: fc.constantFrom(0 as const, 1 as const),
            number: fc.nat({ max: 100 }),
            bytes: fc.uint8Array({ minLength: 16, maxLength: 40 }),
          }),
        ),
        (forged) => {
          const pair = new Pair()
          for (let number = 0; number < 6; number += 1) {
            for (const packet of forged) expect(pair.open(packet)).toBe(false)
            expect(pair.open(pair.seal(number - 1))).toBe(true)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

test('[CN3][CN37] the phase stands in the third bit of the first byte, and is authentic', () => {
  const keys = () => ({ send: cipher(), receive: cipher() })
  const sender = new PacketProtection(keys(), 7, {
    ...unlimited,
    phase: { ...eternal, messages: 1 },
  })
  const receiver = new PacketProtection(keys(), 8)
  const packets = [-1, 0, 1].map((acknowledged) => {
    const { number, parts } = sender.seal(Uint8Array.of(1), acknowledged, 0)
    return { number, bytes: concatBytes(...parts) }
  })
  expect(packets.map(({ bytes }) => bytes[0]! & 0xf8)).toEqual([0x40, 0x40, 0x40])
  expect(packets.map(({ bytes }) => (bytes[0]! >> 2) & 1)).toEqual([0, 1, 0])
  for (const { number, bytes } of packets) {
    const changed = bytes.slice()
    changed[0]! ^= 4
    const [packet, forged] = [bytes, changed].map(
      (each) => decodePacket(each) as Packet & { type: 'protected' },
    )
    expect(receiver.open(forged!, number, 0)).toBeUndefined()
    expect(receiver.open(packet!, number, 0)).toEqual(Uint8Array.of(1))
  }
})

test('[CN40] keys are used up by numbers and by forgeries', () => {
  const keys = { send: cipher(), receive: cipher() }
  const byNumbers = new PacketProtection(keys, 7, { ...unlimited, numbers: 3 })
  for (const isUsedUp of [false, false, false, true]) {
    expect(byNumbers.isUsedUp).toBe(isUsedUp)
    byNumbers.seal(new Uint8Array(1), -1, 0)
  }
  const byForgeries = new PacketProtection(keys, 7, { ...unlimited, forgeries: 2 })
  const forged = decodePacket(Uint8Array.of(0x40, 0, 0, 0, 7, 0, ...new Uint8Array(20)))
  for (const isUsedUp of [false, false, true]) {
    expect(byForgeries.isUsedUp).toBe(isUsedUp)
    byForgeries.open(forged as Packet & { type: 'protected' }, 0, 0)
  }
  expect(keyLimits).toMatchObject({ numbers: 2 ** 48 - 2 ** 16, forgeries: 2 ** 34 })
})

describe('connections', { timeout: 60_000 }, () => {
  test.each([
    [
      '[CN37][CN38][CN39] keys change every few packets',
      { ...unlimited, phase: { ...eternal, messages: 5 } },
      0,
    ],
    ['[CN40] numbers are used up every hundred packets', { ...unlimited, numbers: 100 }, 1],
    ['[CN40] both', { ...unlimited, phase: { ...eternal, bytes: 20_000 }, numbers: 150 }, 1],
  ])('%s, and no byte is lost', (_name, keyLimits, rests) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(0, 0.1),
        fc.constantFrom(5, 100),
        (seed, lossShare, delayMsMax) => {
          const conditions = { ...calm, packetBytes: 1200, lossShare, delayMsMax }
          const network = new Network({ ...conditions, duplicateShare: 0.05 }, seed)
          const a = network.add(lowIdentity, { keyLimits })
          const b = network.add(highIdentity, { keyLimits })
          a.connections.open(high, 0)
          network.run(20_000, () => a.of('connected').length + b.of('connected').length === 2)
          const messages = Array.from({ length: 20 }, (_, index) => patternBytes(10_000, index))
          sendAll(network, a, high, { sync: messages })
          network.run(network.nowMs + 600_000)
          const arrived = arrivedOn(b, 'sync')
          expect(arrived).toHaveLength(messages.length)
          expect(Buffer.concat(arrived).equals(Buffer.concat(messages))).toBe(true)
          expect(a.of('connected')).toHaveLength(1)
          expect(a.of('disconnected')).toHaveLength(0)
          expect(a.counter('rests') >= rests).toBe(true)
          expect(a.counter('rests') > 0).toBe(rests > 0)
          const phases = new Set(a.sent.map((header) => header[0]! & 4))
          expect(phases.size).toBe(
            keyLimits.phase.messages < 10 || keyLimits.phase.bytes < 1e6 ? 2 : 1,
          )
          const numbers = a.sent.map((header) => Buffer.from(header).toString('hex'))
          expect(new Set(numbers).size).toBe(numbers.length)
        },
      ),
      { numRuns: 10 },
    )
  })
})
