/**
 * Signals: what two ends tell each other, through the mesh, before they have a channel.
 *
 * JSON in UTF-8: simple-peer's own signals (`{ type, sdp }`, `{ type, candidate }`) and an end, in
 * an envelope that names the session. What arrives is hostile: decoded within bounds, or not at all.
 */

/** Longest signal, in bytes: what a transport's host carries. */
export const signalBytesMax = 16 * 1024
/** Longest candidate, in characters; real ones have about a hundred. */
const candidateLengthMax = 1024

/** As simple-peer emits and takes them. */
export type PeerSignal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: SignalledCandidate }

export interface SignalledCandidate {
  readonly candidate: string
  readonly sdpMid: string | null
  readonly sdpMLineIndex: number | null
}

export interface Signal {
  /** 16 hexadecimal digits, drawn by the end that dials. */
  readonly session: string
  /** `end`: whoever sent it has given the session up, or refuses it. */
  readonly body: PeerSignal | { readonly type: 'end' }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The bytes of a signal; undefined when they would be too many to carry. */
export function encodeSignal(signal: Signal): Uint8Array | undefined {
  const bytes = encoder.encode(JSON.stringify({ session: signal.session, ...signal.body }))
  return bytes.length <= signalBytesMax ? bytes : undefined
}

/** The signal in the bytes; undefined when they hold none. Never throws. */
export function decodeSignal(bytes: Uint8Array): Signal | undefined {
  if (bytes.length > signalBytesMax) return undefined
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const { session } = value
  if (typeof session !== 'string' || !/^[0-9a-f]{16}$/.test(session)) return undefined
  const body = decodeBody(value)
  return body && { session, body }
}

function decodeBody(value: Readonly<Record<string, unknown>>): Signal['body'] | undefined {
  switch (value['type']) {
    case 'offer':
    case 'answer': {
      const { type, sdp } = value
      return typeof sdp === 'string' ? { type, sdp } : undefined
    }
    case 'candidate': {
      const candidate = decodeCandidate(value['candidate'])
      return candidate && { type: 'candidate', candidate }
    }
    case 'end':
      return { type: 'end' }
    default:
      return undefined
  }
}

function decodeCandidate(value: unknown): SignalledCandidate | undefined {
  if (!isRecord(value)) return undefined
  const { candidate, sdpMid = null, sdpMLineIndex = null } = value
  if (typeof candidate !== 'string' || candidate.length > candidateLengthMax) return undefined
  if (sdpMid !== null && (typeof sdpMid !== 'string' || sdpMid.length > 16)) return undefined
  if (
    sdpMLineIndex !== null &&
    (typeof sdpMLineIndex !== 'number' || !(sdpMLineIndex >= 0 && sdpMLineIndex < 16))
  ) {
    return undefined
  }
  return { candidate, sdpMid, sdpMLineIndex }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
