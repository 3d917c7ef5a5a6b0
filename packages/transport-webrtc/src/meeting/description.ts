/**
 * The description of one end of a meeting: what of a session description the other end cannot know
 * beforehand, in about a hundred bytes (rules IV7 and IV8 of docs/specs/invitation.md).
 *
 * What arrives is hostile: decoded within bounds, or not at all.
 */

/** The version of descriptions that this code writes, and the only one that it reads. */
export const descriptionVersion = 1
/** Longest description, in bytes; what notes carry. */
export const descriptionBytesMax = 512
/** Candidates of one description; the best are taken. Each costs 7 or 19 bytes of a QR code. */
export const candidatesMax = 10

/** What a candidate is, as ICE has it (RFC 8445, section 5.1.1). */
export type CandidateKind = 'host' | 'srflx' | 'relay'

/** One way to reach the end, over UDP. */
export interface DescribedCandidate {
  readonly kind: CandidateKind
  /** IPv4 in decimals, IPv6 in eight groups of hexadecimal digits, or `<uuid>.local`. */
  readonly host: string
  readonly port: number
}

export interface Description {
  /** Of the certificate, by SHA-256; 32 bytes. */
  readonly fingerprint: Uint8Array
  /** User name fragment and password of ICE. */
  readonly ufrag: string
  readonly password: string
  /** Best first. */
  readonly candidates: readonly DescribedCandidate[]
}

const fingerprintBytes = 32
const candidateKinds = ['host', 'srflx', 'relay'] as const
/** Forms of an address: its code, and its length in bytes. */
const hostForms = [
  { code: 0, bytes: 4 },
  { code: 1, bytes: 16 },
  { code: 2, bytes: 16 },
] as const

const ufragPattern = /^[A-Za-z0-9+/]{4,32}$/
const passwordPattern = /^[A-Za-z0-9+/]{22,64}$/

/** The bytes of a description, of which `describable` is true. */
export function encodeDescription(description: Description): Uint8Array {
  const { fingerprint, ufrag, password, candidates } = description
  const bytes: number[] = [descriptionVersion, ...fingerprint]
  for (const text of [ufrag, password]) {
    bytes.push(text.length)
    for (const letter of text) bytes.push(letter.charCodeAt(0))
  }
  const taken = candidates.slice(0, candidatesMax).flatMap(({ kind, host, port }) => {
    const address = encodeHost(host)
    if (!address) return []
    const head = (candidateKinds.indexOf(kind) << 4) | address.code
    return [[head, ...address.bytes, port >>> 8, port & 0xff]]
  })
  bytes.push(taken.length, ...taken.flat())
  return Uint8Array.from(bytes)
}

/** The description in the bytes; undefined when they hold none. Never throws. */
export function decodeDescription(bytes: Uint8Array): Description | undefined {
  if (bytes.length > descriptionBytesMax) return undefined
  let offset = 0
  const take = (count: number): Uint8Array => {
    offset += count
    return bytes.subarray(offset - count, offset)
  }
  // Beyond the end, numbers are no numbers and texts are too short: both are refused below.
  const byte = (): number => take(1)[0] ?? Number.NaN
  if (byte() !== descriptionVersion) return undefined
  const fingerprint = take(fingerprintBytes).slice()
  const ufrag = String.fromCharCode(...take(Math.min(byte() || 0, 255)))
  const password = String.fromCharCode(...take(Math.min(byte() || 0, 255)))
  if (!ufragPattern.test(ufrag) || !passwordPattern.test(password)) return undefined
  const count = byte()
  if (!(count <= candidatesMax)) return undefined
  const candidates: DescribedCandidate[] = []
  for (let index = 0; index < count; index += 1) {
    const head = byte()
    const kind = candidateKinds[head >>> 4]
    const form = hostForms[head & 0xf]
    if (!kind || !form) return undefined
    const host = decodeHost(form.code, take(form.bytes))
    const port = (byte() << 8) | byte()
    if (port === 0) return undefined
    candidates.push({ kind, host, port })
  }
  // What is left over is for later versions of these fields, and ignored.
  return offset > bytes.length ? undefined : { fingerprint, ufrag, password, candidates }
}

/** Whether the address has a form that a description can hold. */
export function isDescribableHost(host: string): boolean {
  return encodeHost(host) !== undefined
}

function encodeHost(host: string): { code: number; bytes: readonly number[] } | undefined {
  const uuid = /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\.local$/i
  const name = uuid.exec(host)
  if (name) {
    const digits = name.slice(1).join('')
    return { code: 2, bytes: bytesOf(digits) }
  }
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) {
    const bytes = host.split('.').map(Number)
    return bytes.every((each) => each < 256) ? { code: 0, bytes } : undefined
  }
  const groups = ipv6Groups(host)
  return groups && { code: 1, bytes: groups.flatMap((group) => [group >>> 8, group & 0xff]) }
}

/** The eight groups of an IPv6 address without a zone; undefined for anything else. */
function ipv6Groups(host: string): number[] | undefined {
  const halves = host.split('::')
  if (halves.length > 2 || !host.includes(':')) return undefined
  const [front = [], back = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - front.length - back.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const texts = [...front, ...Array.from({ length: missing }, () => '0'), ...back]
  return texts.every((text) => /^[0-9a-f]{1,4}$/i.test(text))
    ? texts.map((text) => Number.parseInt(text, 16))
    : undefined
}

function decodeHost(code: number, bytes: Uint8Array): string {
  if (code === 0) return bytes.join('.')
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (code === 1) {
    const groups = digits.match(/.{4}/g) ?? []
    return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
  }
  return `${digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}.local`
}

function bytesOf(digits: string): number[] {
  return (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))
}
