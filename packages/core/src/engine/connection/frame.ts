/**
 * Frames: what protected packets carry (docs/specs/connection.md, CN14 to CN21).
 *
 * Decoding gives views into the packet, never copies, and never more frames than the packet has
 * bytes. STREAM data is written by the packet builder straight from the send buffer, so this file
 * has only its head.
 */

import { ByteReader } from '../bytes/reader.ts'
import type { ByteWriter } from '../bytes/writer.ts'
import { acknowledgedRangesMax, type MarkCounts } from './received-packets.ts'
import { packetNumberMax } from './packet-number.ts'
import type { IntegerRange } from './range-set.ts'

export const frameTypes = {
  ping: 0x01,
  acknowledgement: 0x02,
  stream: 0x03,
  connectionCredit: 0x04,
  streamCredit: 0x05,
  resetStream: 0x06,
  stopSending: 0x07,
  datagram: 0x08,
  close: 0x09,
  streamAllowance: 0x0a,
  streamEnd: 0x0b,
} as const

/** Frame types from here to `extensionTypeMax` carry their length and are skipped when unknown. */
export const extensionTypeMin = 0x40
export const extensionTypeMax = 0x7f

/** Stream offsets stay exact integers, with room to add to them. */
export const streamOffsetMax = 2 ** 50

/**
 * Stream ids that fit the frame: a connection never runs out of them. Which of them are open is the
 * connection's business.
 */
export const streamIdMax = 2 ** 50

/** Streams that one end may be allowed to open, in all: their ids stay below `streamIdMax`. */
export const streamAllowanceMax = 2 ** 48

/** Unit of the delay in an acknowledgement. */
const delayUnitsPerMs = 8
const delayUnitsMax = 2 ** 20

export type Frame =
  | { readonly type: 'ping' }
  | {
      readonly type: 'acknowledgement'
      /** How long the largest number was held back. */
      readonly delayMs: number
      /** Highest first, disjoint, not touching; 1 to `acknowledgedRangesMax`. */
      readonly ranges: readonly IntegerRange[]
      /** Of all packets received so far. */
      readonly marks: MarkCounts
    }
  | {
      readonly type: 'stream'
      readonly stream: number
      readonly offset: number
      readonly data: Uint8Array
      /** The stream ends where the data do. */
      readonly fin: boolean
    }
  | { readonly type: 'connection-credit'; readonly limit: number }
  | { readonly type: 'stream-credit'; readonly stream: number; readonly limit: number }
  | {
      readonly type: 'reset-stream'
      readonly stream: number
      readonly code: number
      readonly finalSize: number
    }
  | { readonly type: 'stop-sending'; readonly stream: number; readonly code: number }
  /** How many streams the receiver of the frame may open, in all. */
  | { readonly type: 'stream-allowance'; readonly limit: number }
  | { readonly type: 'datagram'; readonly payload: Uint8Array }
  | { readonly type: 'close'; readonly code: number }
  /** A frame of a later version or an extension, to be passed over. */
  | { readonly type: 'extension'; readonly extension: number; readonly payload: Uint8Array }

/** Everything asks for an acknowledgement but these. */
export function isAcknowledgementEliciting(frame: Frame): boolean {
  return frame.type !== 'acknowledgement' && frame.type !== 'close'
}

/** Appends a frame. */
export function encodeFrame(frame: Frame, writer: ByteWriter): void {
  switch (frame.type) {
    case 'ping':
      writer.u8(frameTypes.ping)
      return
    case 'acknowledgement':
      encodeAcknowledgement(frame, writer)
      return
    case 'stream':
      encodeStreamHead(frame.stream, frame.offset, frame.data.length, frame.fin, writer)
      writer.raw(frame.data)
      return
    case 'connection-credit':
      writer.u8(frameTypes.connectionCredit).varint(frame.limit)
      return
    case 'stream-credit':
      writer.u8(frameTypes.streamCredit).varint(frame.stream).varint(frame.limit)
      return
    case 'reset-stream':
      writer
        .u8(frameTypes.resetStream)
        .varint(frame.stream)
        .varint(frame.code)
        .varint(frame.finalSize)
      return
    case 'stop-sending':
      writer.u8(frameTypes.stopSending).varint(frame.stream).varint(frame.code)
      return
    case 'stream-allowance':
      writer.u8(frameTypes.streamAllowance).varint(frame.limit)
      return
    case 'datagram':
      writer.u8(frameTypes.datagram).bytes(frame.payload)
      return
    case 'close':
      writer.u8(frameTypes.close).varint(frame.code)
      return
    case 'extension':
      writer.u8(frame.extension).bytes(frame.payload)
  }
}

/** Appends a STREAM or STREAM_END frame up to its data. */
export function encodeStreamHead(
  stream: number,
  offset: number,
  length: number,
  fin: boolean,
  writer: ByteWriter,
): void {
  writer.u8(fin ? frameTypes.streamEnd : frameTypes.stream)
  writer.varint(stream).varint(offset).varint(length)
}

/** Bytes that a STREAM frame needs besides its data, when the data is at most 64 KiB. */
export function streamHeadBytes(stream: number, offset: number): number {
  return 1 + varintBytes(stream) + varintBytes(offset) + 3
}

/** Bytes of a variable-length integer. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}

/** All frames of a packet, in order; `undefined` when it is malformed or has a type nobody knows. */
export function decodeFrames(bytes: Uint8Array): Frame[] | undefined {
  const reader = new ByteReader(bytes)
  const frames: Frame[] = []
  // Each round reads at least a byte, so the packet's size bounds the loop.
  while (reader.remaining > 0) {
    const frame = decodeFrame(reader)
    if (frame === undefined || reader.failed) return undefined
    frames.push(frame)
  }
  return frames
}

function decodeFrame(reader: ByteReader): Frame | undefined {
  const type = reader.u8()
  switch (type) {
    case frameTypes.ping:
      return { type: 'ping' }
    case frameTypes.acknowledgement:
      return decodeAcknowledgement(reader)
    case frameTypes.stream:
    case frameTypes.streamEnd: {
      const stream = reader.varint(streamIdMax)
      const offset = reader.varint(streamOffsetMax)
      const data = reader.bytes(reader.remaining)
      return { type: 'stream', stream, offset, data, fin: type === frameTypes.streamEnd }
    }
    case frameTypes.connectionCredit:
      return { type: 'connection-credit', limit: reader.varint() }
    case frameTypes.streamCredit:
      return { type: 'stream-credit', stream: reader.varint(streamIdMax), limit: reader.varint() }
    case frameTypes.resetStream: {
      const stream = reader.varint(streamIdMax)
      const code = reader.varint()
      return { type: 'reset-stream', stream, code, finalSize: reader.varint(streamOffsetMax) }
    }
    case frameTypes.stopSending:
      return { type: 'stop-sending', stream: reader.varint(streamIdMax), code: reader.varint() }
    case frameTypes.streamAllowance:
      return { type: 'stream-allowance', limit: reader.varint(streamAllowanceMax) }
    case frameTypes.datagram:
      return { type: 'datagram', payload: reader.bytes(reader.remaining) }
    case frameTypes.close:
      return { type: 'close', code: reader.varint() }
    default:
      if (type < extensionTypeMin || type > extensionTypeMax) return undefined
      return { type: 'extension', extension: type, payload: reader.bytes(reader.remaining) }
  }
}

/**
 * Largest, delay, count of further ranges, length of the first; then gap and length of each; then the
 * counts of marks.
 */
function encodeAcknowledgement(
  { ranges, delayMs, marks }: Frame & { readonly type: 'acknowledgement' },
  writer: ByteWriter,
): void {
  const first = ranges[0]!
  const delay = Math.min(delayUnitsMax, Math.round(delayMs * delayUnitsPerMs))
  writer.u8(frameTypes.acknowledgement)
  writer
    .varint(first.end - 1)
    .varint(delay)
    .varint(ranges.length - 1)
  writer.varint(first.end - first.start - 1)
  let above = first.start
  for (let index = 1; index < ranges.length; index += 1) {
    const range = ranges[index]!
    writer.varint(above - range.end - 1).varint(range.end - range.start - 1)
    above = range.start
  }
  writer.varint(marks.foreground).varint(marks.bulk)
}

function decodeAcknowledgement(reader: ByteReader): Frame | undefined {
  const largest = reader.varint(packetNumberMax)
  const delayMs = reader.varint(delayUnitsMax) / delayUnitsPerMs
  const furtherCount = reader.varint(acknowledgedRangesMax - 1)
  const ranges: IntegerRange[] = []
  let end = largest + 1
  for (let index = 0; index <= furtherCount; index += 1) {
    if (index > 0) end -= reader.varint(packetNumberMax) + 1
    const start = end - reader.varint(packetNumberMax) - 1
    if (reader.failed || start < 0) return undefined
    ranges.push({ start, end })
    end = start
  }
  const foreground = reader.varint(packetNumberMax)
  const bulk = reader.varint(packetNumberMax)
  return { type: 'acknowledgement', delayMs, ranges, marks: { foreground, bulk } }
}
