/** What each end says of itself under the encryption of a handshake (rule CN11). */

import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { signatureBytes } from '../identity/identity.ts'
import { streamAllowanceMax } from './frame.ts'
import type { ConnectionId } from './packet.ts'
import type { InitialCredit } from './stream-set.ts'
import { connectionNameBytes, type ConnectionName } from './ticket.ts'

export interface HandshakePayload {
  /** To receive packets with. */
  readonly connection: ConnectionId
  readonly epoch: number
  /** Ed25519. */
  readonly publicKey: Uint8Array
  /** Of the Noise static key. */
  readonly certificate: Uint8Array
  readonly credit: InitialCredit
  /** Of the connection that it has with the other end already. */
  readonly name: ConnectionName | undefined
}

const publicKeyBytes = 32

/** Where the name of a connection would be when there is none. */
const noName = '00'.repeat(connectionNameBytes)

/** The fields in the order of CN11; later versions append some. */
export function encodeHandshakePayload(payload: HandshakePayload): Uint8Array {
  const { connection, epoch, publicKey, certificate, credit, name } = payload
  return new ByteWriter(160)
    .u32(connection)
    .varint(epoch)
    .raw(publicKey)
    .raw(certificate)
    .varint(credit.connectionBytes)
    .varint(credit.streamBytes)
    .varint(credit.streamCount)
    .raw(decodeHex(name ?? noName)!)
    .finish()
}

/** `undefined` when it has no known layout. */
export function decodeHandshakePayload(bytes: Uint8Array): HandshakePayload | undefined {
  const reader = new ByteReader(bytes)
  const connection = reader.u32()
  const epoch = reader.varint()
  const publicKey = reader.raw(publicKeyBytes)
  const certificate = reader.raw(signatureBytes)
  const credit = {
    connectionBytes: reader.varint(),
    streamBytes: reader.varint(),
    streamCount: reader.varint(streamAllowanceMax),
  }
  const hex = encodeHex(reader.raw(connectionNameBytes))
  if (reader.failed) return undefined
  const name = hex === noName ? undefined : hex
  return { connection, epoch, publicKey, certificate, credit, name }
}
