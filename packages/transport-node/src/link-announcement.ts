/** The datagrams of discovery by multicast on a link (rule DS6 of docs/specs/discovery.md). */

import { appTagBytes, saltBytes } from './app-tag.ts'
import type { SaltedAppTag } from './app-tag.ts'

/** Version of the datagrams; others are passed over. */
const version = 1

const kindCodes = { ask: 1, announce: 2, goodbye: 3 } as const

const magic = Buffer.from('FMA', 'latin1')
const peerBytes = 8
/** Magic, version, kind, lifetime, peer, port, salt, tag. */
const announcementBytes = 3 + 1 + 1 + 2 + peerBytes + 2 + saltBytes + appTagBytes

export interface LinkAnnouncement {
  /**
   * `ask`: who is there? (fields as in `announce`; port 0 if the sender does not listen). `announce`:
   * the sender listens. `goodbye`: it does no longer.
   */
  readonly kind: keyof typeof kindCodes
  /** Seconds for which it holds, unless it is repeated. */
  readonly lifetimeS: number
  /** Hex id. */
  readonly peer: string
  /** Where the sender listens, at the address it sends from. */
  readonly port: number
  readonly app: SaltedAppTag
}

export function encodeLinkAnnouncement(announcement: LinkAnnouncement): Uint8Array {
  const { kind, lifetimeS, peer, port, app } = announcement
  const bytes = Buffer.alloc(announcementBytes)
  bytes.set(magic)
  bytes[3] = version
  bytes[4] = kindCodes[kind]
  bytes.writeUInt16BE(lifetimeS, 5)
  bytes.write(peer, 7, 'hex')
  bytes.writeUInt16BE(port, 7 + peerBytes)
  bytes.set(app.salt, 9 + peerBytes)
  bytes.set(app.tag, 9 + peerBytes + saltBytes)
  return bytes
}

/** Undefined for whatever is none of this version. Bytes after the fields are for later. */
export function decodeLinkAnnouncement(received: Uint8Array): LinkAnnouncement | undefined {
  if (received.length < announcementBytes) return undefined
  const bytes = Buffer.from(received.buffer, received.byteOffset, announcementBytes)
  if (!magic.equals(bytes.subarray(0, 3)) || bytes[3] !== version) return undefined
  const kinds = Object.keys(kindCodes) as (keyof typeof kindCodes)[]
  const kind = kinds.find((name) => kindCodes[name] === bytes[4])
  if (kind === undefined) return undefined
  const saltAt = 9 + peerBytes
  return {
    kind,
    lifetimeS: bytes.readUInt16BE(5),
    peer: bytes.toString('hex', 7, 7 + peerBytes),
    port: bytes.readUInt16BE(7 + peerBytes),
    app: {
      salt: bytes.subarray(saltAt, saltAt + saltBytes),
      tag: bytes.subarray(saltAt + saltBytes),
    },
  }
}
