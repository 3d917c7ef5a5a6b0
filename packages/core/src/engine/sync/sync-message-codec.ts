/**
 * Messages as bytes: rule SY9 of docs/specs/sync.md.
 *
 * A keystroke's message is little more than its Yjs update: the sender's and the addressee's ids
 * are implied by the connection, and a writer is named once for a run of its changes.
 */

import { unreachable } from '../assert.ts'
import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { decodePeerId, encodePeerId, peerIdBytes } from '../identity/peer-id.ts'
import { readChangeBody, writeChangeBody } from './change-codec.ts'
import type { Change } from './change.ts'
import { readDelivery, writeDelivery } from './delivery-codec.ts'
import { digestBytes } from './digest.ts'
import { compareDocumentKeys, readDocumentKey, writeDocumentKey } from './document-key.ts'
import type { ChangesWanted, Delivery, ListedHead } from './replica-port.ts'
import type { AnnouncedDocument, ChangeName, HeldRange, SyncMessage } from './sync-message.ts'
import { readVersion, writeVersion } from './version-codec.ts'
import type { Writer } from './version.ts'

/** Heads in one page or list of differences: 10 kB with short ids. */
export const headsPerMessageMax = 256

/** Documents in one request for changes. */
export const documentsPerFetchMax = 64

/** Deliveries in one answer, and changes pushed in one message. */
export const deliveriesPerMessageMax = 1024

/** Documents in one announcement, and writers of each. */
export const announcedPerMessageMax = 1024

/** Ranges in one acknowledgement. */
export const rangesPerMessageMax = 1024

/** The two ends of the connection that a message travels. */
export interface MessageEnds {
  readonly from: PeerId
  readonly to: PeerId
}

const codes = {
  root: 1,
  page: 2,
  differences: 3,
  continue: 4,
  fetch: 5,
  answer: 6,
  changes: 7,
  announcement: 8,
  acknowledgement: 9,
} as const

/** How a peer is named in a message. */
const peerCodes = { from: 0, to: 1, other: 2 } as const

/** The message's bytes on a connection between these ends. */
export function encodeSyncMessage(message: SyncMessage, ends: MessageEnds): Uint8Array {
  const writer = new ByteWriter().u8(codes[message.type])
  switch (message.type) {
    case 'root':
      writer.u8(message.asks ? 1 : 0).raw(message.digest)
      break
    case 'page':
      writer.u8((message.first ? 1 : 0) | (message.last ? 2 : 0))
      writeHeads(writer, message.heads)
      break
    case 'differences':
      writer.u8(message.done ? 1 : 0)
      writeHeads(writer, message.heads)
      break
    case 'continue':
      break
    case 'fetch':
      writer.varint(message.request).varint(message.wanted.length)
      for (const { document, version } of message.wanted) {
        writeDocumentKey(writer, document)
        writeVersion(writer, version)
      }
      break
    case 'answer':
      writer.varint(message.request).u8(message.more ? 1 : 0)
      writer.varint(message.deliveries.length)
      for (const delivery of message.deliveries) writeDelivery(writer, delivery)
      break
    case 'changes':
      writeChanges(writer, message.changes, ends)
      break
    case 'announcement':
      writer.varint(message.documents.length)
      for (const announced of message.documents) writeAnnounced(writer, announced, ends)
      break
    case 'acknowledgement':
      writer.varint(message.ranges.length)
      for (const range of message.ranges) writeRange(writer, range, ends)
      break
    default:
      unreachable(message)
  }
  return writer.finish()
}

/** The message, or `undefined` when it is malformed, of an unknown kind or over a bound. */
export function decodeSyncMessage(bytes: Uint8Array, ends: MessageEnds): SyncMessage | undefined {
  const reader = new ByteReader(bytes)
  const message = readMessage(reader, ends)
  return reader.finished ? message : undefined
}

function readMessage(reader: ByteReader, ends: MessageEnds): SyncMessage | undefined {
  switch (reader.u8()) {
    case codes.root:
      return {
        type: 'root',
        asks: readFlags(reader, 1) === 1,
        digest: reader.raw(digestBytes).slice(),
      }
    case codes.page: {
      const flags = readFlags(reader, 3)
      const heads = readHeads(reader)
      const last = (flags & 2) !== 0
      if (!last && heads.length === 0) reader.fail()
      return { type: 'page', first: (flags & 1) !== 0, last, heads }
    }
    case codes.differences:
      return { type: 'differences', done: readFlags(reader, 1) === 1, heads: readHeads(reader) }
    case codes.continue:
      return { type: 'continue' }
    case codes.fetch:
      return {
        type: 'fetch',
        request: reader.varint(),
        wanted: readList(reader, documentsPerFetchMax, readWanted),
      }
    case codes.answer:
      return {
        type: 'answer',
        request: reader.varint(),
        more: readFlags(reader, 1) === 1,
        deliveries: readList<Delivery>(reader, deliveriesPerMessageMax, readDelivery),
      }
    case codes.changes:
      return { type: 'changes', changes: readChanges(reader, ends) }
    case codes.announcement:
      return {
        type: 'announcement',
        documents: readList(reader, announcedPerMessageMax, (reader) =>
          readAnnounced(reader, ends),
        ),
      }
    case codes.acknowledgement:
      return {
        type: 'acknowledgement',
        ranges: readList(reader, rangesPerMessageMax, (reader) => readRange(reader, ends)),
      }
    default:
      reader.fail()
      return undefined
  }
}

/** A count and that many items; ends early, with a failed reader, at the first that is malformed. */
function readList<Item>(
  reader: ByteReader,
  countMax: number,
  readItem: (reader: ByteReader) => Item | undefined,
): Item[] {
  const count = reader.varint(countMax)
  const items: Item[] = []
  while (items.length < count && !reader.failed) {
    const item = readItem(reader)
    if (item !== undefined) items.push(item)
  }
  return items
}

function readFlags(reader: ByteReader, max: number): number {
  const flags = reader.u8()
  if (flags > max) reader.fail()
  return flags
}

function writeHeads(writer: ByteWriter, heads: readonly ListedHead[]): void {
  writer.varint(heads.length)
  for (const { document, digest } of heads) {
    writeDocumentKey(writer, document)
    writer.raw(digest)
  }
}

/** Heads in strictly ascending key order; anything else fails. */
function readHeads(reader: ByteReader): ListedHead[] {
  let before: ListedHead | undefined
  return readList(reader, headsPerMessageMax, (reader) => {
    const document = readDocumentKey(reader)
    const digest = reader.raw(digestBytes).slice()
    if (document === undefined) return undefined
    if (before !== undefined && compareDocumentKeys(before.document, document) >= 0) reader.fail()
    before = { document, digest }
    return before
  })
}

function readWanted(reader: ByteReader): ChangesWanted | undefined {
  const document = readDocumentKey(reader)
  const version = readVersion(reader)
  return document === undefined || version === undefined ? undefined : { document, version }
}

/** Runs of changes of one writer: its name, how many, then each without it. */
function writeChanges(writer: ByteWriter, changes: readonly Change[], ends: MessageEnds): void {
  for (let index = 0; index < changes.length;) {
    const author = changes[index]!
    let end = index + 1
    while (changes[end]?.peer === author.peer && changes[end]?.epoch === author.epoch) end += 1
    writePeer(writer, author.peer, ends)
    writer.varint(author.epoch).varint(end - index)
    for (; index < end; index += 1) writeChangeBody(writer, changes[index]!)
  }
}

function readChanges(reader: ByteReader, ends: MessageEnds): Change[] {
  const changes: Change[] = []
  let before: Writer | undefined
  while (reader.remaining > 0 && !reader.failed) {
    const author = readNamedWriter(reader, ends)
    const run = reader.varint(deliveriesPerMessageMax - changes.length)
    const continued = before?.peer === author.peer && before.epoch === author.epoch
    if (run === 0 || continued) reader.fail()
    before = author
    for (let count = 0; count < run && !reader.failed; count += 1) {
      const change = readChangeBody(reader, author)
      if (change !== undefined) changes.push(change)
    }
  }
  return changes
}

function writeAnnounced(writer: ByteWriter, announced: AnnouncedDocument, ends: MessageEnds): void {
  writeDocumentKey(writer, announced.document)
  writer.varint(announced.changes.length)
  for (const change of announced.changes) {
    writePeer(writer, change.peer, ends)
    writer.varint(change.epoch).varint(change.seq)
  }
}

function readAnnounced(reader: ByteReader, ends: MessageEnds): AnnouncedDocument | undefined {
  const document = readDocumentKey(reader)
  const changes = readList<ChangeName>(reader, announcedPerMessageMax, (reader) => ({
    ...readNamedWriter(reader, ends),
    seq: reader.varint(),
  }))
  return document === undefined ? undefined : { document, changes }
}

/** The end of a range and its distance from the start: short for the usual range. */
function writeRange(writer: ByteWriter, range: HeldRange, ends: MessageEnds): void {
  writePeer(writer, range.writer.peer, ends)
  writer.varint(range.writer.epoch)
  writePeer(writer, range.holder, ends)
  writer.varint(range.to).varint(range.to - range.from)
}

function readRange(reader: ByteReader, ends: MessageEnds): HeldRange {
  const writer = readNamedWriter(reader, ends)
  const holder = readPeer(reader, ends)
  const to = reader.varint()
  const distance = reader.varint()
  if (distance >= to) reader.fail()
  return { writer, holder, from: to - distance, to }
}

function writePeer(writer: ByteWriter, peer: PeerId, ends: MessageEnds): void {
  if (peer === ends.from) writer.u8(peerCodes.from)
  else if (peer === ends.to) writer.u8(peerCodes.to)
  else writer.u8(peerCodes.other).raw(decodePeerId(peer))
}

function readPeer(reader: ByteReader, ends: MessageEnds): PeerId {
  const code = reader.u8()
  if (code === peerCodes.from) return ends.from
  if (code === peerCodes.to) return ends.to
  if (code !== peerCodes.other) reader.fail()
  const peer = encodePeerId(reader.raw(peerIdBytes))
  if (peer === ends.from || peer === ends.to) reader.fail()
  return peer
}

function readNamedWriter(reader: ByteReader, ends: MessageEnds): Writer {
  return { peer: readPeer(reader, ends), epoch: reader.varint() }
}
