/**
 * The datagrams of the UDP transport, as docs/specs/udp.md has them (rules UD1 to UD3).
 *
 * The first byte tells the type. Decoding never throws and keeps views of what it was given.
 */

/** Version of this protocol. */
export const udpVersion = 1

/** Length of a tag, in bytes: as hard to guess for who cannot listen as a TCP sequence number. */
export const tagBytes = 4

/** Length of a cookie, in bytes: window (2), mark (14), tag of the listening end (4). */
export const cookieBytes = 20

/** What goes before a message, in bytes: type and tag. */
export const messageHeaderBytes = 1 + tagBytes

/** Length of `open`, in bytes: longer than whatever answers it, so that nobody gains by it (UD2). */
export const openBytes = 32

/** Marks `open`, which any program on the network may receive. */
const magic = Buffer.from('FMU', 'latin1')

const typeCodes = {
  open: 1,
  challenge: 2,
  confirm: 3,
  accept: 4,
  message: 5,
  farewell: 6,
  gone: 7,
  refuse: 8,
} as const

/** Why a dial is refused; other codes are for later versions. */
export const refusalCodes = { full: 1, version: 2 } as const

/** One datagram. Tags are those of the end that reads them. */
export type UdpDatagram =
  | { readonly type: 'open'; readonly version: number; readonly tag: Uint8Array }
  | { readonly type: 'challenge'; readonly tag: Uint8Array; readonly cookie: Uint8Array }
  | { readonly type: 'confirm'; readonly tag: Uint8Array; readonly cookie: Uint8Array }
  | { readonly type: 'accept'; readonly tag: Uint8Array }
  | { readonly type: 'message'; readonly tag: Uint8Array; readonly message: Uint8Array }
  | { readonly type: 'farewell'; readonly tag: Uint8Array }
  | { readonly type: 'gone'; readonly tag: Uint8Array }
  | { readonly type: 'refuse'; readonly tag: Uint8Array; readonly code: number }

/** The datagram that these bytes are; undefined when they are none. */
export function decodeUdpDatagram(bytes: Uint8Array): UdpDatagram | undefined {
  const { length } = bytes
  const tag = bytes.subarray(1, 1 + tagBytes)
  switch (bytes[0]) {
    case typeCodes.open: {
      if (length !== openBytes || !magic.equals(bytes.subarray(1, 4))) return undefined
      return { type: 'open', version: bytes[4] as number, tag: bytes.subarray(5, 5 + tagBytes) }
    }
    case typeCodes.challenge:
    case typeCodes.confirm: {
      if (length !== 1 + tagBytes + cookieBytes) return undefined
      const type = bytes[0] === typeCodes.challenge ? 'challenge' : 'confirm'
      return { type, tag, cookie: bytes.subarray(1 + tagBytes) }
    }
    case typeCodes.message: {
      if (length < messageHeaderBytes) return undefined
      return { type: 'message', tag, message: bytes.subarray(messageHeaderBytes) }
    }
    case typeCodes.accept:
      return length === 1 + tagBytes ? { type: 'accept', tag } : undefined
    case typeCodes.farewell:
      return length === 1 + tagBytes ? { type: 'farewell', tag } : undefined
    case typeCodes.gone:
      return length === 1 + tagBytes ? { type: 'gone', tag } : undefined
    case typeCodes.refuse:
      return length === 2 + tagBytes
        ? { type: 'refuse', tag, code: bytes[1 + tagBytes] as number }
        : undefined
    default:
      return undefined
  }
}

/** `open`, with the tag that answers carry. */
export function encodeOpen(tag: Uint8Array, version: number = udpVersion): Uint8Array {
  const bytes = new Uint8Array(openBytes)
  bytes[0] = typeCodes.open
  bytes.set(magic, 1)
  bytes[4] = version
  bytes.set(tag, 5)
  return bytes
}

/** `challenge` or `confirm`: the tag of the dialling end, and the cookie. */
export function encodeCookie(
  type: 'challenge' | 'confirm',
  tag: Uint8Array,
  cookie: Uint8Array,
): Uint8Array {
  return Buffer.concat([new Uint8Array([typeCodes[type]]), tag, cookie])
}

/** What is a type and a tag alone; of `message` what goes before the message itself. */
export function encodeTagged(
  type: 'accept' | 'message' | 'farewell' | 'gone',
  tag: Uint8Array,
): Uint8Array {
  return Buffer.concat([new Uint8Array([typeCodes[type]]), tag])
}

/** `refuse`: the tag of the dialling end, and why. */
export function encodeRefuse(tag: Uint8Array, reason: keyof typeof refusalCodes): Uint8Array {
  return Buffer.concat([
    new Uint8Array([typeCodes.refuse]),
    tag,
    new Uint8Array([refusalCodes[reason]]),
  ])
}
