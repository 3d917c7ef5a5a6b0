/**
 * The mesh packet: a 19-byte header and an end-to-end encrypted payload (rules MP1 to MP5).
 *
 * Hop limit and marks are what forwarders change; the layer above must not authenticate them.
 */

import { concatBytes } from '../bytes/compare.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes, type PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'

/** The only version; another one is malformed. */
export const packetVersion = 1
export const packetHeaderBytes = 3 + 2 * peerIdBytes
/** Header and payload; what a link takes at most. */
export const packetBytesMax = 64 * 1024
/**
 * Hops that a fresh packet may take. Paths in a mesh of degree 6 are a handful of hops even with
 * a thousand peers; the limit only ends what a forwarding loop would keep alive.
 */
export const hopLimitInitial = 32

const hopLimitOffset = 1
const marksOffset = 2
const congestionMark = 0x01

export interface Packet {
  readonly priority: Priority
  /** Hops left, this one included; at least 1. */
  readonly hopLimit: number
  /** A forwarder on the way held it in a queue for too long (RFC 3168's congestion experienced). */
  readonly congestionMarked: boolean
  readonly source: PeerId
  readonly destination: PeerId
  /** At least one byte. */
  readonly payload: Uint8Array
}

/** The wire form of the header, in a new array; the payload follows it. */
export function encodePacketHeader(packet: Omit<Packet, 'payload'>): Uint8Array {
  return new ByteWriter(packetHeaderBytes)
    .u8((packetVersion << 4) | priorities.indexOf(packet.priority))
    .u8(packet.hopLimit)
    .u8(packet.congestionMarked ? congestionMark : 0)
    .raw(decodePeerId(packet.source))
    .raw(decodePeerId(packet.destination))
    .finish()
}

/** The wire form, in a new array. */
export function encodePacket(packet: Packet): Uint8Array {
  return concatBytes(encodePacketHeader(packet), packet.payload)
}

/** The packet, its payload a view into `bytes`; `undefined` when it breaks a rule. */
export function decodePacket(bytes: Uint8Array): Packet | undefined {
  if (bytes.length > packetBytesMax) return undefined
  const reader = new ByteReader(bytes)
  const lead = reader.u8()
  const hopLimit = reader.u8()
  const marks = reader.u8()
  const source = encodePeerId(reader.raw(peerIdBytes))
  const destination = encodePeerId(reader.raw(peerIdBytes))
  const payload = reader.rest()
  const priority = priorities[lead & 0x0f]
  if (reader.failed || lead >> 4 !== packetVersion || priority === undefined) return undefined
  if (hopLimit === 0 || source === destination || payload.length === 0) return undefined
  const congestionMarked = (marks & congestionMark) !== 0
  return { priority, hopLimit, congestionMarked, source, destination, payload }
}

/** Takes one hop off, in place; the packet must have been decoded before. */
export function spendHop(bytes: Uint8Array): void {
  bytes[hopLimitOffset]! -= 1
}

/** Marks for congestion, in place, whatever marks it carries already. */
export function markCongestion(bytes: Uint8Array): void {
  bytes[marksOffset]! |= congestionMark
}
