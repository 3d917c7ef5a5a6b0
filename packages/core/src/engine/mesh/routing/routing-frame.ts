/**
 * Frames of the distance vector router (rules RO1 to RO3): updates of what a neighbour was told, a
 * table told anew, the request for it, and requests for newer sequence numbers.
 *
 * Destinations are numbered by the teller. The first entry of a number introduces it, with peer and
 * epoch; the others name the number alone.
 */

import { ByteReader } from '../../bytes/reader.ts'
import { ByteWriter } from '../../bytes/writer.ts'
import { decodePeerId, encodePeerId, peerIdBytes, type PeerId } from '../../identity/peer-id.ts'
import { sizeClassOf } from '../size-class.ts'
import { hopCountMax, isPlausible, pathByte, sequenceMax, type RouteEntry } from './route-entry.ts'
import type { RouteVersion } from './route-version.ts'

export const routingFrameVersion = 2
/** Entries of a frame: at 22 bytes each, a third of the longest frame of a link. */
export const updateEntriesMax = 1_024
/** Requests of a frame. */
export const sequenceRequestsMax = 256
/** Numbers of destinations: twice the destinations that a peer knows, and two bytes in a frame. */
export const destinationNumberMax = 8_191

const frameTypes = ['update', 'table', 'table-request', 'sequence-requests'] as const
/** In place of hop count and class: the destination is taken back. */
const retractionByte = 0xff

/** What is told of a destination. */
export interface UpdateEntry {
  /** From 0 to `destinationNumberMax`, of the teller's choice. */
  readonly number: number
  /** Whom the number stands for from now on; undefined where it was introduced before. */
  readonly introduced: { readonly peer: PeerId; readonly epoch: number } | undefined
  /** The path without its epoch, which the introduction has; undefined takes it back. */
  readonly path: Omit<RouteEntry, 'epoch'> | undefined
}

/** A wish for a newer route: the destination is to count up to this version. */
export interface SequenceRequest extends RouteVersion {
  readonly peer: PeerId
  /** Peers that may still pass it on, the receiver included; 1 to `hopCountMax`. */
  readonly hopLimit: number
}

export type RoutingFrame =
  | {
      readonly type: 'update' | 'table'
      /** Of all that was told, with this frame. */
      readonly digest: number
      readonly entries: readonly UpdateEntry[]
    }
  | { readonly type: 'table-request' }
  | { readonly type: 'sequence-requests'; readonly requests: readonly SequenceRequest[] }

/** The wire form, in a new array. At most `updateEntriesMax` entries, `sequenceRequestsMax` requests. */
export function encodeRoutingFrame(frame: RoutingFrame): Uint8Array {
  const writer = new ByteWriter().u8(routingFrameVersion).u8(frameTypes.indexOf(frame.type))
  if (frame.type === 'sequence-requests') {
    for (const { peer, epoch, sequence, hopLimit } of frame.requests) {
      writer.raw(decodePeerId(peer)).varint(epoch).varint(sequence).u8(hopLimit)
    }
  } else if (frame.type !== 'table-request') {
    writer.u32(frame.digest)
    for (const entry of frame.entries) writeEntry(writer, entry)
  }
  return writer.finish()
}

/** The frame, or `undefined` when it breaks a rule. */
export function decodeRoutingFrame(bytes: Uint8Array): RoutingFrame | undefined {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  const type = frameTypes[reader.u8()]
  if (reader.failed || version !== routingFrameVersion || type === undefined) return undefined
  if (type === 'table-request') return reader.finished ? { type } : undefined
  if (type === 'sequence-requests') {
    const requests = readAll(reader, sequenceRequestsMax, readRequest)
    return requests === undefined ? undefined : { type, requests }
  }
  const digest = reader.u32()
  const entries = readAll(reader, updateEntriesMax, readEntry)
  return entries === undefined ? undefined : { type, digest, entries }
}

/** Bytes of an entry at most: number, introduction, hop count and class, sequence number, metric. */
export const updateEntryBytesMax = 2 + peerIdBytes + 8 + 1 + 5 + 3

function writeEntry(writer: ByteWriter, { number, introduced, path }: UpdateEntry): void {
  writer.varint(number * 2 + (introduced === undefined ? 0 : 1))
  if (introduced !== undefined) {
    writer.raw(decodePeerId(introduced.peer)).varint(introduced.epoch)
  }
  if (path === undefined) writer.u8(retractionByte)
  else
    writer
      .u8(pathByte({ epoch: 0, ...path }))
      .varint(path.sequence)
      .varint(path.metric)
}

/** Everything up to the end, at most so much; `undefined` when anything breaks a rule. */
function readAll<Item>(
  reader: ByteReader,
  countMax: number,
  read: (reader: ByteReader) => Item,
): readonly Item[] | undefined {
  const items: Item[] = []
  while (reader.remaining > 0 && !reader.failed) {
    if (items.length === countMax) return undefined
    items.push(read(reader))
  }
  return reader.failed ? undefined : items
}

function readEntry(reader: ByteReader): UpdateEntry {
  const head = reader.varint(destinationNumberMax * 2 + 1)
  const number = Math.floor(head / 2)
  const introduced = head % 2 === 1 ? readIntroduced(reader) : undefined
  const byte = reader.u8()
  if (byte === retractionByte) return { number, introduced, path: undefined }
  const sequence = reader.varint(sequenceMax)
  const metric = reader.varint()
  const sizeClass = sizeClassOf(byte & 3) ?? 0
  const path = { sequence, metric, hopCount: byte >> 2, sizeClass }
  if (!isPlausible({ epoch: 0, ...path })) reader.fail()
  return { number, introduced, path }
}

function readIntroduced(reader: ByteReader): { peer: PeerId; epoch: number } {
  const peer = encodePeerId(reader.raw(peerIdBytes))
  return { peer, epoch: reader.varint() }
}

function readRequest(reader: ByteReader): SequenceRequest {
  const peer = encodePeerId(reader.raw(peerIdBytes))
  const epoch = reader.varint()
  const sequence = reader.varint(sequenceMax)
  const hopLimit = reader.u8()
  if (sequence === 0 || hopLimit === 0 || hopLimit > hopCountMax) reader.fail()
  return { peer, epoch, sequence, hopLimit }
}
