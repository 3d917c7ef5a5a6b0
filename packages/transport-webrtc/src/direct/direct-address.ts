/**
 * The address of a Node peer that is dialled directly: host, port and the fingerprint of its
 * certificate in one text (rules DR1 to DR3 of docs/specs/direct.md).
 */

import { bytesOfBase64, base64OfBytes } from './base64.ts'

const scheme = 'webrtc-direct'
/** Longest address, in characters: that of the longest IPv6 host has 109. */
const addressLengthMax = 128
/** SHA-256. */
const fingerprintBytes = 32

/** The parts of an address. */
export interface DirectAddress {
  /** An IPv4 or IPv6 address, without brackets or zone. */
  readonly host: string
  readonly port: number
  /** SHA-256 of the certificate, 32 bytes. */
  readonly fingerprint: Uint8Array
}

/** The first part of a text that keeps it from being an address. The names are stable. */
export type DirectAddressFault = 'scheme' | 'host' | 'port' | 'fingerprint'

/** The parts of an address, or what is wrong with it. Never throws. */
export function parseDirectAddress(text: string): DirectAddress | DirectAddressFault {
  // Cut before anything is searched for: a pasted text may be a book.
  const trimmed = text.length <= 2 * addressLengthMax ? text.trim() : text
  const prefix = `${scheme}://`
  if (trimmed.length > addressLengthMax) return 'scheme'
  if (!trimmed.toLowerCase().startsWith(prefix)) return 'scheme'
  const parts = /^(\[[^\]]*\]|[^:/[\]]*)(?::([^/]*))?(?:\/(.*))?$/s.exec(
    trimmed.slice(prefix.length),
  )
  const host = readHost(parts?.[1] ?? '')
  if (host === undefined) return 'host'
  const port = parts?.[2] ?? ''
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) return 'port'
  const fingerprint = readFingerprint(parts?.[3] ?? '')
  if (fingerprint === undefined) return 'fingerprint'
  return { host, port: Number(port), fingerprint }
}

/** The text of an address. */
export function formatDirectAddress({ host, port, fingerprint }: DirectAddress): string {
  const name = host.includes(':') ? `[${host}]` : host
  const digits = base64OfBytes(fingerprint).replaceAll('+', '-').replaceAll('/', '_')
  return `${scheme}://${name}:${port}/${digits}`
}

function readHost(text: string): string | undefined {
  if (text.startsWith('[')) {
    // The parser of URLs knows every form of an IPv6 address, takes no zone, and shortens.
    const url = `http://${text}/`
    return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined
  }
  const numbers = text.split('.')
  const areBytes = numbers.every((digits) => /^(0|[1-9]\d{0,2})$/.test(digits) && +digits < 256)
  return numbers.length === 4 && areBytes ? text : undefined
}

function readFingerprint(text: string): Uint8Array | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined
  const bytes = bytesOfBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
  return bytes?.length === fingerprintBytes ? bytes : undefined
}
