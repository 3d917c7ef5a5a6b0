import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { priorities } from '../link/link-port.ts'
import type { PeerId } from '../identity/peer-id.ts'
import {
  decodePacket,
  encodePacket,
  packetBytesMax,
  packetHeaderBytes,
  TransitHeader,
  type LinkEnds,
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

/** A link between two that are neither source nor destination. */
const between: LinkEnds = {
  from: '0000000000000001' as PeerId,
  to: '0000000000000002' as PeerId,
}

test('[MP1] a packet survives its wire form, which leaves out what the link names', () => {
  fc.assert(
    fc.property(packet, fc.boolean(), fc.boolean(), (packet, isFirst, isLast) => {
      const ends = {
        from: isFirst ? packet.source : between.from,
        to: isLast ? packet.destination : between.to,
      }
      const bytes = encodePacket(packet, ends)
      const headerBytes = 19 - (isFirst ? 8 : 0) - (isLast ? 8 : 0)
      expect(bytes.length).toBe(headerBytes + packet.payload.length)
      expect(decodePacket(bytes, ends)).toEqual(packet)
    }),
  )
})

test('[MP2] forwarders change the hop limit and the mark, and nothing else', () => {
  fc.assert(
    fc.property(packet, (packet) => {
      fc.pre(packet.hopLimit > 1)
      const first = { from: packet.source, to: between.from }
      const bytes = encodePacket(packet, first)
      const header = new TransitHeader(decodePacket(bytes, first)!, bytes)
      header.spendHop()
      header.markCongestion()
      const passedOn = Buffer.concat([header.encode(between), packet.payload])
      const changed = { ...packet, hopLimit: packet.hopLimit - 1, congestionMarked: true }
      expect(decodePacket(passedOn, between)).toEqual({
        ...changed,
        payload: Buffer.from(packet.payload),
      })
    }),
  )
})

test('[MP2] unknown marks are ignored, and kept', () => {
  const bytes = encodePacket(fc.sample(packet, 1)[0]!, between)
  bytes[2] = 0xf0
  const decoded = decodePacket(bytes, between)!
  expect(decoded.congestionMarked).toBe(false)
  const header = new TransitHeader(decoded, bytes)
  header.markCongestion()
  expect(header.encode(between)[2]).toBe(0xf1)
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
    const bytes = encodePacket(good, between)
    bytes[offset] = byte
    return bytes
  }
  expect(decodePacket(encodePacket(good, between), between)).toBeDefined()
  expect(decodePacket(broken(0, 0x50), between)).toBeUndefined()
  expect(decodePacket(broken(0, 0x14), between)).toBeUndefined()
  expect(decodePacket(broken(1, 0), between)).toBeUndefined()
  expect(
    decodePacket(encodePacket({ ...good, destination: source }, between), between),
  ).toBeUndefined()
  expect(
    decodePacket(encodePacket({ ...good, payload: new Uint8Array(0) }, between), between),
  ).toBeUndefined()
  // Spelled out, though the link names it.
  const spelledOut = encodePacket(good, between)
  expect(decodePacket(spelledOut, { ...between, from: source })).toBeUndefined()
  expect(decodePacket(spelledOut, { ...between, to: destination })).toBeUndefined()
  for (let length = 0; length <= packetHeaderBytes; length += 1) {
    expect(decodePacket(encodePacket(good, between).subarray(0, length), between)).toBeUndefined()
  }
  const largest = packetBytesMax - packetHeaderBytes
  expect(
    decodePacket(encodePacket({ ...good, payload: new Uint8Array(largest) }, between), between),
  ).toBeDefined()
  const larger = encodePacket({ ...good, payload: new Uint8Array(largest + 1) }, between)
  expect(decodePacket(larger, between)).toBeUndefined()
})
