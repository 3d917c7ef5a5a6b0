/**
 * Which records of DTLS a connection may take (rule DR13 of docs/specs/direct.md, which holds for
 * the transport `webrtc` in Node once it is connected).
 *
 * werift believes what is not encrypted at any time: an alert that anybody could have sent would end
 * a connection, a `ClientHello` would begin it anew. Such records do not reach it.
 */

const headerBytes = 13
/** An encrypted alert: explicit nonce, two bytes, tag of AES-GCM. */
const alertBytes = 8 + 2 + 16

const changeCipherSpec = 20
const alert = 21
const handshake = 22
const applicationData = 23

/** One record that may be taken. */
export interface DtlsRecord {
  readonly bytes: Buffer
  /** Its number within its epoch. */
  readonly number: number
  /** Whether it carries what is above DTLS. */
  readonly isData: boolean
}

/** The records of a datagram that may be taken, and the number of those that may not. */
export interface SiftedRecords {
  readonly records: readonly DtlsRecord[]
  readonly refusedCount: number
}

/** Sifts a datagram, before or after the handshake is done. What is cut short counts as refused. */
export function siftRecords(datagram: Uint8Array, isConnected: boolean): SiftedRecords {
  const all = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const records: DtlsRecord[] = []
  let refusedCount = 0
  for (let rest = all; rest.length > 0;) {
    const length = rest.length < headerBytes ? Infinity : headerBytes + rest.readUInt16BE(11)
    if (length > rest.length) return { records, refusedCount: refusedCount + 1 }
    const bytes = rest.subarray(0, length)
    if (mayTake(bytes, isConnected)) {
      records.push({
        bytes,
        number: bytes.readUIntBE(5, 6),
        isData: bytes.readUInt8(0) === applicationData,
      })
    } else refusedCount += 1
    rest = rest.subarray(length)
  }
  return { records, refusedCount }
}

function mayTake(record: Buffer, isConnected: boolean): boolean {
  const epoch = record.readUInt16BE(3)
  switch (record.readUInt8(0)) {
    case changeCipherSpec:
      return epoch === 0 && !isConnected
    case alert:
      // werift takes one for encrypted only if its first bytes name no alert; those of the nonce,
      // which is epoch and number of the record, do not.
      return (
        isConnected &&
        epoch === 1 &&
        record.length === headerBytes + alertBytes &&
        record.readUInt16BE(headerBytes) === 1
      )
    case handshake:
      return epoch === 1 || (epoch === 0 && !isConnected)
    case applicationData:
      return epoch === 1
    default:
      return false
  }
}
