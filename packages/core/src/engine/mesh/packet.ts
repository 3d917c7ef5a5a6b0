/**
 * The mesh packet: a header of 3 to 19 bytes and an end-to-end encrypted payload (rules MP1 to MP5).
 *
 * Addresses that the link itself names are left out on it. Hop limit and marks are what forwarders
 * change; the layer above must not authenticate them.
 */

import { concatBytes } from '../bytes/compare.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes, type PeerId } from '../identity/peer-id.ts'
import { priorities, type Priority } from '../link/link-port.ts'

/** Which addresses a header has; another form is malformed. */
const forms = { both: 1, neither: 2, destination: 3, source: 4 } as const
/** Of a header with both addresses, the longest. */
export const packetHeaderBytes = 3 + 2 * peerIdBytes
/** Header and payload; what a link takes at most. */
export const packetBytesMax = 64 * 1024
/**
 * Hops that a fresh packet may take. Paths in a mesh of degree 6 are a handful of hops even with
 * a thousand peers; the limit only ends what a forwarding loop would keep alive.
 */
export const hopLimitInitial = 32

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

/** The two ends of a link, in the direction in which a packet crosses it. */
export interface LinkEnds {
  readonly from: PeerId
  readonly to: PeerId
}

/** What a packet is forwarded by. */
export type PacketHeader = Omit<Packet, 'payload'>

/** The wire form of the header on that link, in a new array; the payload follows it. */
export function encodePacketHeader(header: PacketHeader, ends: LinkEnds): Uint8Array {
  const marks = header.congestionMarked ? congestionMark : 0
  return writeHeader(header, header.hopLimit, marks, ends)
}

/** The wire form on that link, in a new array. */
export function encodePacket(packet: Packet, ends: LinkEnds): Uint8Array {
  return concatBytes(encodePacketHeader(packet, ends), packet.payload)
}

/**
 * The packet that came over that link, its payload a view into `bytes`; `undefined` when it breaks a
 * rule.
 */
export function decodePacket(bytes: Uint8Array, ends: LinkEnds): Packet | undefined {
  if (bytes.length > packetBytesMax) return undefined
  const reader = new ByteReader(bytes)
  const lead = reader.u8()
  const form = lead >> 4
  const hopLimit = reader.u8()
  const marks = reader.u8()
  if (form < forms.both || form > forms.source) return undefined
  const hasSource = form === forms.both || form === forms.source
  const hasDestination = form === forms.both || form === forms.destination
  const source = hasSource ? encodePeerId(reader.raw(peerIdBytes)) : ends.from
  const destination = hasDestination ? encodePeerId(reader.raw(peerIdBytes)) : ends.to
  const payload = reader.rest()
  const priority = priorities[lead & 0x0f]
  if (reader.failed || priority === undefined) return undefined
  if (hopLimit === 0 || source === destination || payload.length === 0) return undefined
  // One packet has one form: what the link names is not spelled out.
  if (hasSource !== (source !== ends.from) || hasDestination !== (destination !== ends.to)) {
    return undefined
  }
  const congestionMarked = (marks & congestionMark) !== 0
  return { priority, hopLimit, congestionMarked, source, destination, payload }
}

/** A header on its way through this peer: hop limit and marks as they came, whatever they mean. */
export class TransitHeader {
  readonly #header: PacketHeader
  #hopLimit: number
  #marks: number

  /** Of a packet, and of the bytes that it was decoded from; of our own, without bytes. */
  constructor(header: PacketHeader, bytes?: Uint8Array) {
    this.#header = header
    this.#hopLimit = header.hopLimit
    this.#marks = bytes?.[marksOffset] ?? 0
  }

  spendHop(): void {
    this.#hopLimit -= 1
  }

  /** Besides the marks that it carries already. */
  markCongestion(): void {
    this.#marks |= congestionMark
  }

  /** The wire form on that link, in a new array. */
  encode(ends: LinkEnds): Uint8Array {
    return writeHeader(this.#header, this.#hopLimit, this.#marks, ends)
  }
}

function writeHeader(
  { priority, source, destination }: PacketHeader,
  hopLimit: number,
  marks: number,
  { from, to }: LinkEnds,
): Uint8Array {
  const hasSource = source !== from
  const hasDestination = destination !== to
  const form = hasSource
    ? hasDestination
      ? forms.both
      : forms.source
    : hasDestination
      ? forms.destination
      : forms.neither
  const writer = new ByteWriter(packetHeaderBytes)
    .u8((form << 4) | priorities.indexOf(priority))
    .u8(hopLimit)
    .u8(marks)
  if (hasSource) writer.raw(decodePeerId(source))
  if (hasDestination) writer.raw(decodePeerId(destination))
  return writer.finish()
}
