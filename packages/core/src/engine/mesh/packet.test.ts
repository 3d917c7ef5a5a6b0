import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { priorities } from '../link/link-port.ts'
import type { PeerId } from '../identity/peer-id.ts'
import {
  decodePacket,
  encodePacket,
  markCongestion,
  packetBytesMax,
  packetHeaderBytes,
  spendHop,
  type Packet,
} from './packet.ts'

const peer = fc.stringMatching(/^[0-9a-f]{16}$/) as fc.Arbitrary<PeerId>
const packet: fc.Arbitrary<Packet> = fc
  .record({
    priority: fc.constantFrom(...priorities),
    hopLimit: fc.integer({ min: 1, max: 255 }),
    congestionMarked: fc.boolean(),
    source: peer,
    destination: peer,
    payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  })
  .filter(({ source, destination }) => source !== destination)

test('[MP1] a packet survives its wire form, whose header has 19 bytes', () => {
  fc.assert(
    fc.property(packet, (packet) => {
      const bytes = encodePacket(packet)
      expect(bytes.length).toBe(19 + packet.payload.length)
      expect(decodePacket(bytes)).toEqual(packet)
    }),
  )
})

test('[MP2] forwarders change the hop limit and the mark, and nothing else', () => {
  fc.assert(
    fc.property(packet, (packet) => {
      fc.pre(packet.hopLimit > 1)
      const bytes = encodePacket(packet)
      spendHop(bytes)
      markCongestion(bytes)
      const changed = { ...packet, hopLimit: packet.hopLimit - 1, congestionMarked: true }
      expect(decodePacket(bytes)).toEqual(changed)
    }),
  )
})

test('[MP2] unknown marks are ignored, and kept', () => {
  const bytes = encodePacket(fc.sample(packet, 1)[0]!)
  bytes[2] = 0xf0
  expect(decodePacket(bytes)?.congestionMarked).toBe(false)
  markCongestion(bytes)
  expect(bytes[2]).toBe(0xf1)
})

test('[MP3] malformed packets are refused', () => {
  const source = '0011223344556677' as PeerId
  const destination = '8899aabbccddeeff' as PeerId
  const payload = Uint8Array.of(1)
  const good: Packet = {
    priority: 'sync',
    hopLimit: 9,
    congestionMarked: false,
    source,
    destination,
    payload,
  }
  const broken = (offset: number, byte: number): Uint8Array => {
    const bytes = encodePacket(good)
    bytes[offset] = byte
    return bytes
  }
  expect(decodePacket(encodePacket(good))).toBeDefined()
  expect(decodePacket(broken(0, 0x20))).toBeUndefined()
  expect(decodePacket(broken(0, 0x14))).toBeUndefined()
  expect(decodePacket(broken(1, 0))).toBeUndefined()
  expect(decodePacket(encodePacket({ ...good, destination: source }))).toBeUndefined()
  expect(decodePacket(encodePacket({ ...good, payload: new Uint8Array(0) }))).toBeUndefined()
  for (let length = 0; length <= packetHeaderBytes; length += 1) {
    expect(decodePacket(encodePacket(good).subarray(0, length))).toBeUndefined()
  }
  const largest = packetBytesMax - packetHeaderBytes
  expect(decodePacket(encodePacket({ ...good, payload: new Uint8Array(largest) }))).toBeDefined()
  const larger = encodePacket({ ...good, payload: new Uint8Array(largest + 1) })
  expect(decodePacket(larger)).toBeUndefined()
})
