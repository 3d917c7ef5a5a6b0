/** Awareness datagrams as bytes: rule AW1 of docs/specs/sync.md. One state a datagram. */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes } from '../identity/peer-id.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { DocumentKey } from './change.ts'
import { readDocumentKey, writeDocumentKey } from './document-key.ts'

/** Longest awareness state, in bytes of UTF-8. */
export const awarenessBytesMax = 4096

/** Client ids are those of Yjs: 32 bits. */
const clientIdMax = 0xffff_ffff

/** What one client of a document last said about itself. */
export interface AwarenessState {
  readonly document: DocumentKey
  readonly peer: PeerId
  readonly clientId: number
  /** Grows with each saying of that client, from 1. */
  readonly clock: number
  /** JSON text; null when the client left. */
  readonly state: string | null
}

const formatVersion = 1

export function encodeAwareness(state: AwarenessState): Uint8Array {
  const writer = new ByteWriter().u8(formatVersion)
  writeDocumentKey(writer, state.document)
  writer.raw(decodePeerId(state.peer)).varint(state.clientId).varint(state.clock)
  if (state.state === null) writer.u8(0)
  else writer.u8(1).text(state.state)
  return writer.finish()
}

/** The state, or `undefined` when malformed, over a bound or not JSON. */
export function decodeAwareness(bytes: Uint8Array): AwarenessState | undefined {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== formatVersion) return undefined
  const document = readDocumentKey(reader)
  const peer = encodePeerId(reader.raw(peerIdBytes))
  const clientId = reader.varint(clientIdMax)
  const clock = reader.varint()
  const present = reader.u8()
  const state = present === 1 ? reader.text(awarenessBytesMax) : null
  if (!reader.finished || document === undefined || present > 1 || clock === 0) return undefined
  if (state !== null && !isJson(state)) return undefined
  return { document, peer, clientId, clock, state }
}

/** Whether the application can parse it. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
