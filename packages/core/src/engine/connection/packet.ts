/**
 * Packets between the two ends of a connection: what the first byte says, and where things are
 * (docs/specs/connection.md, CN1 to CN7).
 */

import { unreachable } from '../assert.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { KeyPhase } from './key-phases.ts'

/** Version of the connection protocol. */
export const protocolVersion = 1

/** First byte of each kind of packet; protected packets use eight values. */
export const packetTypes = {
  handshakeOpen: 0x01,
  handshakeAnswer: 0x02,
  handshakeFinish: 0x03,
  refusal: 0x04,
  unknownConnection: 0x05,
  resumptionOpen: 0x06,
  resumptionAnswer: 0x07,
  protected: 0x40,
} as const

/** A connection id: 4 random bytes, chosen by the end that receives packets with it. */
export type ConnectionId = number

/** Bytes of the name of a ticket. */
export const ticketIdBytes = 16

/** Why the opening of a handshake or resumption was turned down. */
export const refusalReasons = ['version', 'secret', 'ticket'] as const
export type RefusalReason = (typeof refusalReasons)[number]

export type Packet =
  | {
      readonly type: 'handshake-open'
      readonly version: number
      /** Of the initiator. */
      readonly connection: ConnectionId
      readonly message: Uint8Array
    }
  | {
      readonly type: 'handshake-answer'
      /** Of the initiator. */
      readonly connection: ConnectionId
      readonly message: Uint8Array
    }
  | {
      readonly type: 'handshake-finish'
      /** Of the responder. */
      readonly connection: ConnectionId
      readonly message: Uint8Array
    }
  | {
      readonly type: 'refusal'
      /** Of the initiator. */
      readonly connection: ConnectionId
      readonly reason: RefusalReason
    }
  | {
      readonly type: 'unknown-connection'
      /** The one that the sender of this does not know. */
      readonly connection: ConnectionId
    }
  | {
      readonly type: 'resumption-open'
      readonly version: number
      /** Of the initiator. */
      readonly connection: ConnectionId
      /** Names the ticket; `ticketIdBytes` long. */
      readonly ticket: Uint8Array
      readonly message: Uint8Array
    }
  | {
      readonly type: 'resumption-answer'
      /** Of the initiator. */
      readonly connection: ConnectionId
      readonly message: Uint8Array
    }
  | {
      readonly type: 'protected'
      /** Of the receiver. */
      readonly connection: ConnectionId
      readonly phase: KeyPhase
      readonly numberBytes: number
      readonly truncatedNumber: number
      /** All before the ciphertext: additional data of the AEAD. */
      readonly header: Uint8Array
      readonly ciphertext: Uint8Array
    }

const connectionIdBytes = 4

/** Bit of a protected packet's first byte that tells the phase of its key. */
const phaseShift = 2

/** Bytes before the ciphertext of a protected packet. */
export function protectedHeaderBytes(numberBytes: number): number {
  return 1 + connectionIdBytes + numberBytes
}

/** A whole packet of any kind but `protected`. */
export function encodePacket(packet: Exclude<Packet, { type: 'protected' }>): Uint8Array {
  const writer = new ByteWriter(1200)
  switch (packet.type) {
    case 'handshake-open':
      writer.u8(packetTypes.handshakeOpen).u8(packet.version).u32(packet.connection)
      return writer.raw(packet.message).finish()
    case 'handshake-answer':
      writer.u8(packetTypes.handshakeAnswer).u32(packet.connection)
      return writer.raw(packet.message).finish()
    case 'handshake-finish':
      writer.u8(packetTypes.handshakeFinish).u32(packet.connection)
      return writer.raw(packet.message).finish()
    case 'refusal':
      writer.u8(packetTypes.refusal).u32(packet.connection)
      writer.u8(refusalReasons.indexOf(packet.reason))
      // The least and the greatest that this end speaks: who speaks several takes one of these.
      if (packet.reason === 'version') writer.u8(protocolVersion).u8(protocolVersion)
      return writer.finish()
    case 'unknown-connection':
      return writer.u8(packetTypes.unknownConnection).u32(packet.connection).finish()
    case 'resumption-open':
      writer.u8(packetTypes.resumptionOpen).u8(packet.version).u32(packet.connection)
      return writer.raw(packet.ticket).raw(packet.message).finish()
    case 'resumption-answer':
      writer.u8(packetTypes.resumptionAnswer).u32(packet.connection)
      return writer.raw(packet.message).finish()
    default:
      return unreachable(packet)
  }
}

/** The header of a protected packet. */
export function encodeProtectedHeader(
  connection: ConnectionId,
  packetNumber: number,
  numberBytes: number,
  phase: KeyPhase,
): Uint8Array {
  const header = new Uint8Array(protectedHeaderBytes(numberBytes))
  const view = new DataView(header.buffer)
  header[0] = packetTypes.protected | (phase << phaseShift) | (numberBytes - 1)
  view.setUint32(1, connection)
  let rest = packetNumber
  for (let index = header.length - 1; index > connectionIdBytes; index -= 1) {
    header[index] = rest % 0x100
    rest = Math.floor(rest / 0x100)
  }
  return header
}

/**
 * The packet, its parts as views; `undefined` when it is none of this version's. Bytes behind the fields
 * of a refusal, or of an unknown connection, are for later versions.
 */
export function decodePacket(bytes: Uint8Array): Packet | undefined {
  const reader = new ByteReader(bytes)
  const packet = decodeFields(reader, bytes)
  return reader.failed ? undefined : packet
}

function decodeFields(reader: ByteReader, bytes: Uint8Array): Packet | undefined {
  const type = reader.u8()
  switch (type) {
    case packetTypes.handshakeOpen: {
      const version = reader.u8()
      const connection = reader.u32()
      return { type: 'handshake-open', version, connection, message: reader.rest() }
    }
    case packetTypes.handshakeAnswer:
      return { type: 'handshake-answer', connection: reader.u32(), message: reader.rest() }
    case packetTypes.handshakeFinish:
      return { type: 'handshake-finish', connection: reader.u32(), message: reader.rest() }
    case packetTypes.refusal: {
      const connection = reader.u32()
      const reason = refusalReasons[reader.u8()]
      return reason === undefined ? undefined : { type: 'refusal', connection, reason }
    }
    case packetTypes.unknownConnection:
      return { type: 'unknown-connection', connection: reader.u32() }
    case packetTypes.resumptionOpen: {
      const version = reader.u8()
      const connection = reader.u32()
      const ticket = reader.raw(ticketIdBytes)
      return { type: 'resumption-open', version, connection, ticket, message: reader.rest() }
    }
    case packetTypes.resumptionAnswer:
      return { type: 'resumption-answer', connection: reader.u32(), message: reader.rest() }
    default: {
      if ((type & 0xf8) !== packetTypes.protected) return undefined
      const numberBytes = (type & 0x03) + 1
      const phase = ((type >>> phaseShift) & 1) as KeyPhase
      const connection = reader.u32()
      let truncatedNumber = 0
      for (let index = 0; index < numberBytes; index += 1) {
        truncatedNumber = truncatedNumber * 0x100 + reader.u8()
      }
      const header = bytes.subarray(0, protectedHeaderBytes(numberBytes))
      const ciphertext = reader.rest()
      const fields = { numberBytes, truncatedNumber, header, ciphertext }
      return { type: 'protected', connection, phase, ...fields }
    }
  }
}
