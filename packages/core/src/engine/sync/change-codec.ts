/**
 * Changes as bytes, in the log and on the wire: rules SY4 and SY5 of docs/specs/sync.md.
 *
 * One change has one encoding. Bytes that are read are copied out of the input, so that a stored
 * update never holds on to the message it came in.
 */

import type { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { messageBytesMax } from '../connection/message-port.ts'
import { decodePeerId, encodePeerId, peerIdBytes } from '../identity/peer-id.ts'
import type { Change, ChangeContent, ChangePart } from './change.ts'
import { documentKeyText, readDocumentKey, writeDocumentKey } from './document-key.ts'
import type { Writer } from './version.ts'

/** Most parts of one change: more documents than one transaction should touch. */
export const partsPerChangeMax = 1024

/** Most updates of one part, or of one checkpoint; with 64 KiB each this is far above a message. */
export const updatesPerPartMax = 1024

/** Largest single update, in bytes: merging one cannot be interrupted. */
export const updateBytesMax = 64 * 1024

/** Largest encoded change or checkpoint, in bytes; the rest is for the message around it. */
export const deliveryBytesMax = messageBytesMax - 64 * 1024

/** Writes a whole change: its writer, then what `writeChangeBody` writes. */
export function writeChange(writer: ByteWriter, change: Change): void {
  writeWriter(writer, change)
  writeChangeBody(writer, change)
}

/** The change, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readChange(reader: ByteReader): Change | undefined {
  return readChangeBody(reader, readWriter(reader))
}

/** Writes sequence number and parts, for places where the writer is known. */
export function writeChangeBody(writer: ByteWriter, change: Change): void {
  writer.varint(change.seq).varint(change.parts.length)
  for (const part of change.parts) writeChangePart(writer, part, change.seq)
}

/** The change of that writer, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readChangeBody(reader: ByteReader, author: Writer): Change | undefined {
  const before = reader.remaining
  const seq = reader.varint()
  const count = reader.varint(partsPerChangeMax)
  if (seq === 0 || count === 0) reader.fail()
  const parts: ChangePart[] = []
  const documents = new Set<string>()
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const part = readChangePart(reader, seq)
    if (part === undefined) break
    documents.add(documentKeyText(part.document))
    parts.push(part)
  }
  const repeated = documents.size !== parts.length
  if (repeated || before - reader.remaining > deliveryBytesMax) reader.fail()
  return reader.failed ? undefined : { peer: author.peer, epoch: author.epoch, seq, parts }
}

/**
 * Writes one part of change `seq`. `previous` is written as its distance, which is one byte for
 * consecutive keystrokes however high the sequence numbers are.
 */
export function writeChangePart(writer: ByteWriter, part: ChangePart, seq: number): void {
  writeDocumentKey(writer, part.document)
  writer.varint(seq - part.previous).varint(part.incarnation)
  if (part.content.type === 'delete') {
    writer.varint(0)
    return
  }
  writer.varint(part.content.updates.length + 1)
  for (const update of part.content.updates) writer.bytes(update)
}

/** The part of change `seq`, or `undefined` (and a failed reader) when malformed or over a bound. */
export function readChangePart(reader: ByteReader, seq: number): ChangePart | undefined {
  const document = readDocumentKey(reader)
  const distance = reader.varint(seq)
  const incarnation = reader.varint()
  const contentCode = reader.varint(updatesPerPartMax + 1)
  if (distance === 0) reader.fail()
  const content: ChangeContent =
    contentCode === 0
      ? { type: 'delete' }
      : { type: 'update', updates: readUpdates(reader, contentCode - 1) }
  if (reader.failed || document === undefined) return undefined
  return { document, previous: seq - distance, incarnation, content }
}

/** Copies of `count` updates; fewer, and a failed reader, when the input does not hold them. */
export function readUpdates(reader: ByteReader, count: number): Uint8Array[] {
  const updates: Uint8Array[] = []
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const update = reader.bytes(updateBytesMax)
    if (!reader.failed) updates.push(update.slice())
  }
  return updates
}

/** Writes a writer: 8 bytes of peer id and the epoch. */
export function writeWriter(writer: ByteWriter, author: Writer): void {
  writer.raw(decodePeerId(author.peer)).varint(author.epoch)
}

/** The writer; meaningless when the reader failed. */
export function readWriter(reader: ByteReader): Writer {
  return { peer: encodePeerId(reader.raw(peerIdBytes)), epoch: reader.varint() }
}
