import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { nobleCryptography } from '../crypto/noble.ts'
import { CipherState } from '../noise/cipher-state.ts'
import { PacketProtection, protectionBytesMax } from './packet-protection.ts'
import { decodePacket, encodePacket, refusalReasons, ticketIdBytes, type Packet } from './packet.ts'

const connection = fc.nat({ max: 2 ** 32 - 1 })
const message = fc.uint8Array({ maxLength: 200 })

test('[CN3][CN4][CN5] packets in the clear survive encoding and decoding', () => {
  const packet: fc.Arbitrary<Exclude<Packet, { type: 'protected' }>> = fc.oneof(
    fc.record({
      type: fc.constant('handshake-open' as const),
      version: fc.nat({ max: 255 }),
      connection,
      message,
    }),
    fc.record({ type: fc.constant('handshake-answer' as const), connection, message }),
    fc.record({ type: fc.constant('handshake-finish' as const), connection, message }),
    fc.record({
      type: fc.constant('refusal' as const),
      connection,
      reason: fc.constantFrom(...refusalReasons),
    }),
    fc.record({ type: fc.constant('unknown-connection' as const), connection }),
    fc.record({
      type: fc.constant('resumption-open' as const),
      version: fc.nat({ max: 255 }),
      connection,
      ticket: fc.uint8Array({ minLength: ticketIdBytes, maxLength: ticketIdBytes }),
      message,
    }),
    fc.record({ type: fc.constant('resumption-answer' as const), connection, message }),
  )
  fc.assert(
    fc.property(packet, (packet) => {
      expect(decodePacket(encodePacket(packet))).toEqual(packet)
    }),
  )
})

test('[CN3] a packet cut short or of another kind is none', () => {
  for (const bytes of [
    [],
    [0x00],
    [0x01, 1, 0, 0],
    [0x04, 0, 0, 0, 0, 9],
    [0x48, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x06, 1, 0, 0, 0, 0, ...new Uint8Array(ticketIdBytes - 1)],
  ]) {
    expect(decodePacket(Uint8Array.from(bytes))).toBeUndefined()
  }
})

test('[CN6][CN7] a protected packet opens for the other end, whole and unchanged only', () => {
  const [oneWay, otherWay] = [1, 2].map((byte) => new Uint8Array(32).fill(byte))
  const state = (key: Uint8Array) => new CipherState(key, nobleCryptography)
  const sender = new PacketProtection(
    { send: state(oneWay!), receive: state(otherWay!) },
    0x01020304,
  )
  const receiver = new PacketProtection({ send: state(otherWay!), receive: state(oneWay!) }, 9)
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 7 }), (frames, at, bit) => {
      const sealed = sender.seal(frames, -1, 0)
      const { number } = sealed
      const bytes = concatBytes(...sealed.parts)
      expect(sealed.bytes).toBe(bytes.length)
      expect(bytes.length).toBeLessThanOrEqual(frames.length + protectionBytesMax)
      const packet = decodePacket(bytes)
      if (packet?.type !== 'protected') throw new Error('sealed packets are protected')
      expect(packet.connection).toBe(0x01020304)
      expect(receiver.numberOf(packet, number - 1)).toBe(number)
      expect(equalBytes(receiver.open(packet, number, 0)!, frames)).toBe(true)
      expect(receiver.open(packet, number + 1, 0)).toBeUndefined()

      const changed = bytes.slice()
      changed[at % changed.length]! ^= 1 << bit
      const forged = decodePacket(changed)
      if (forged?.type === 'protected') expect(receiver.open(forged, number, 0)).toBeUndefined()
    }),
  )
})
