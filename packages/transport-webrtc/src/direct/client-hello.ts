/**
 * The first message of a DTLS handshake, as far as it must be understood before anything is kept
 * for whoever sent it, and the answer that asks for a cookie (RFC 6347, section 4.2.1; rule DR9 of
 * docs/specs/direct.md).
 *
 * A browser's may be longer than a packet and come in fragments; what is read here is in the first.
 */

const recordHeaderBytes = 13
const handshakeHeaderBytes = 12
/** Before the session id: version and random. */
const fixedBytes = 2 + 32
const sessionIdBytesMax = 32

const handshakeRecord = 22
const clientHelloMessage = 1
const helloVerifyRequestMessage = 3

/** What matters of a `ClientHello`. */
export interface ClientHello {
  /** Number of its record; the answer has the same, so that none is used twice. */
  readonly recordNumber: number
  /** 32 bytes that the client has drawn for this handshake. */
  readonly random: Uint8Array
  /** The cookie that it brings back; empty at first. */
  readonly cookie: Uint8Array
}

/** What the datagram begins with, if that is the beginning of a `ClientHello`. Never throws. */
export function readClientHello(datagram: Uint8Array): ClientHello | undefined {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  if (datagram.length < recordHeaderBytes + handshakeHeaderBytes + fixedBytes + 2) return undefined
  // In clear, that is of epoch 0, and a version of DTLS.
  if (view.getUint8(0) !== handshakeRecord || view.getUint8(1) !== 254 || view.getUint16(3) !== 0)
    return undefined
  const recordEnd = recordHeaderBytes + view.getUint16(11)
  if (recordEnd > datagram.length) return undefined
  if (view.getUint8(recordHeaderBytes) !== clientHelloMessage) return undefined
  const fragmentOffset = view.getUint32(recordHeaderBytes + 5) & 0xffffff
  const fragmentBytes = view.getUint32(recordHeaderBytes + 8) & 0xffffff
  const start = recordHeaderBytes + handshakeHeaderBytes
  const end = start + fragmentBytes
  if (fragmentOffset !== 0 || end > recordEnd) return undefined
  const cookieAt = cookieStart(datagram.subarray(start, end))
  if (cookieAt === undefined) return undefined
  const cookie = datagram.subarray(
    start + cookieAt + 1,
    start + cookieAt + 1 + view.getUint8(start + cookieAt),
  )
  return {
    recordNumber: view.getUint16(5) * 2 ** 32 + view.getUint32(7),
    random: datagram.subarray(start + 2, start + fixedBytes),
    cookie,
  }
}

/** The body of a whole `ClientHello` as it was before a cookie was asked for. */
export function withoutCookie(body: Uint8Array): Uint8Array {
  const cookieAt = cookieStart(body)
  if (cookieAt === undefined) throw new RangeError('The ClientHello is cut short')
  const cookieEnd = cookieAt + 1 + (body[cookieAt] ?? 0)
  const shorter = new Uint8Array(body.length - (cookieEnd - cookieAt - 1))
  shorter.set(body.subarray(0, cookieAt))
  shorter.set(body.subarray(cookieEnd), cookieAt + 1)
  return shorter
}

/** The datagram that asks for a cookie. */
export function encodeHelloVerifyRequest(hello: ClientHello, cookie: Uint8Array): Uint8Array {
  const bodyBytes = 2 + 1 + cookie.length
  const datagram = new Uint8Array(recordHeaderBytes + handshakeHeaderBytes + bodyBytes)
  const view = new DataView(datagram.buffer)
  view.setUint8(0, handshakeRecord)
  // DTLS 1.0 in both places, whatever is spoken later, as the RFC asks for.
  view.setUint16(1, 0xfeff)
  view.setUint16(5, Math.floor(hello.recordNumber / 2 ** 32))
  view.setUint32(7, hello.recordNumber % 2 ** 32)
  view.setUint16(11, handshakeHeaderBytes + bodyBytes)
  view.setUint8(recordHeaderBytes, helloVerifyRequestMessage)
  // Lengths of 24 bits below the type, and below the offset 0.
  view.setUint16(recordHeaderBytes + 2, bodyBytes)
  view.setUint16(recordHeaderBytes + 10, bodyBytes)
  const start = recordHeaderBytes + handshakeHeaderBytes
  view.setUint16(start, 0xfeff)
  view.setUint8(start + 2, cookie.length)
  datagram.set(cookie, start + 3)
  return datagram
}

/** Where the length of the cookie stands in a body; undefined when the cookie is not whole there. */
function cookieStart(body: Uint8Array): number | undefined {
  const sessionIdBytes = body[fixedBytes]
  if (sessionIdBytes === undefined || sessionIdBytes > sessionIdBytesMax) return undefined
  const cookieAt = fixedBytes + 1 + sessionIdBytes
  const cookieBytes = body[cookieAt]
  if (cookieBytes === undefined || cookieAt + 1 + cookieBytes > body.length) return undefined
  return cookieAt
}
