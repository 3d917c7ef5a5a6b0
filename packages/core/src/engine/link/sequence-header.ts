/**
 * The header of messages on channels that lose or reorder (rules LK17 and LK19 of
 * docs/specs/link.md): which place in the sequence the contents have, and what has arrived here.
 *
 * Only the low bits of sequences travel; the receiver takes the nearest number to what it expects.
 * Three bytes and the contents in the common narrow case, so that a message of 20 bytes stays useful.
 */

import { ByteReader } from '../bytes/reader.ts'
import { ByteWriter } from '../bytes/writer.ts'

/** Ranges in one acknowledgement; the lowest are left out beyond it, having been told before. */
export const acknowledgedRangesMax = 32

/** Largest distance between two sequences in one acknowledgement: no window is that wide. */
const distanceMax = 2 ** 16

/** Longest delay of an acknowledgement that can be told, in units. */
const delayUnitsMax = 2 ** 14

/** What acknowledgements count their delay in, in milliseconds. */
const delayUnitMs = 0.25

/** Attempts travel modulo this: nobody has five transmissions of one message under way. */
export const attemptModulus = 4

/** Received beyond a gap: offsets from the acknowledgement's `next`, `end` excluded. */
export interface OffsetRange {
  readonly start: number
  readonly end: number
}

/** What has arrived at the sender of an acknowledgement. */
export interface Acknowledgement {
  /** All sequences below it have arrived; on the wire the low 16 or 32 bits. */
  readonly next: number
  /** Since the latest message came, in milliseconds. */
  readonly delayMs: number
  /** Which message came last, as an offset from `next`; negative where it closed no gap. */
  readonly latestOffset: number
  /** Its attempt, modulo `attemptModulus`. */
  readonly latestAttempt: number
  /** Highest first, all above 0: the sequence `next` itself has not arrived. */
  readonly ranges: readonly OffsetRange[]
}

/** Where the contents of a message belong. */
export interface ContentsPlace {
  /** On the wire the low 16 or 32 bits. */
  readonly sequence: number
  /** How often these contents were sent before, modulo `attemptModulus`. */
  readonly attempt: number
  /** Only a part of the contents travels: from `offset` of `total` bytes. */
  readonly part?: { readonly offset: number; readonly total: number }
}

/** A message as it is written. */
export interface SequencedMessage {
  /** Sequences travel as 32 bits instead of 16. */
  readonly isWide: boolean
  /** The receiver shall acknowledge without delay. */
  readonly atOnce: boolean
  /** Of contents. */
  readonly place?: ContentsPlace
  readonly acknowledgement?: Acknowledgement
  /** The rest is a size probe, which has no place in the sequence. */
  readonly isProbe: boolean
  /** The length of the rest travels too, so that a channel that cuts messages is found out. */
  readonly hasLength: boolean
  /** Contents, the probe, or nothing. */
  readonly rest: Uint8Array
}

const acknowledgementFlag = 0x80
const atOnceFlag = 0x40
const wideFlag = 0x20
const lengthFlag = 0x10
/** What the rest is, in two bits. */
const restShift = 2
const restCodes = { nothing: 0, whole: 1, part: 2, probe: 3 } as const

/** Length of a header without acknowledgement before contents that are whole, in bytes. */
export function headerBytes(isWide: boolean, hasLength: boolean): number {
  return (isWide ? 5 : 3) + (hasLength ? lengthBytesMax : 0)
}

/** Longest varint of a length up to 65,535, in bytes. */
const lengthBytesMax = 3

/** What a part adds to the header at most, in bytes: two lengths. */
export const partBytesMax = 2 * lengthBytesMax

/** The message's bytes. */
export function encodeSequencedMessage(message: SequencedMessage): Uint8Array {
  const { isWide, place, acknowledgement, rest, hasLength } = message
  const writer = new ByteWriter(32)
  writer.u8(
    (acknowledgement ? acknowledgementFlag : 0) |
      (message.atOnce ? atOnceFlag : 0) |
      (isWide ? wideFlag : 0) |
      (hasLength ? lengthFlag : 0) |
      (restCodes[restOf(message)] << restShift) |
      (place?.attempt ?? 0),
  )
  if (place) writeSequence(writer, place.sequence, isWide)
  if (place?.part) writer.varint(place.part.offset).varint(place.part.total)
  if (acknowledgement) writeAcknowledgement(writer, acknowledgement, isWide)
  if (hasLength) writer.varint(rest.length)
  const bytes = new Uint8Array(writer.length + rest.length)
  bytes.set(writer.view())
  bytes.set(rest, writer.length)
  return bytes
}

/** `malformed`: breaks LK17. `cut`: shorter than its own length says. */
export function decodeSequencedMessage(bytes: Uint8Array): SequencedMessage | 'malformed' | 'cut' {
  const reader = new ByteReader(bytes)
  const flags = reader.u8()
  const isWide = (flags & wideFlag) !== 0
  const code = (flags >>> restShift) & 3
  const attempt = flags % attemptModulus
  const isPart = code === restCodes.part
  const hasContents = isPart || code === restCodes.whole
  const place = hasContents ? readPlace(reader, isWide, attempt, isPart) : undefined
  const isAcknowledging = (flags & acknowledgementFlag) !== 0
  const acknowledgement = isAcknowledging ? readAcknowledgement(reader, isWide) : undefined
  const hasLength = (flags & lengthFlag) !== 0
  const length = hasLength ? reader.varint(0xffff) : undefined
  const rest = reader.rest()
  if (reader.failed) return 'malformed'
  if (length !== undefined && rest.length < length) return 'cut'
  if (length !== undefined && rest.length > length) return 'malformed'
  // Contents and probes are never empty; without either there is an acknowledgement and no more.
  const isNothing = code === restCodes.nothing
  if (isNothing !== (rest.length === 0) || (isNothing && !isAcknowledging)) return 'malformed'
  if (!hasContents && attempt > 0) return 'malformed'
  if (place?.part && place.part.offset + rest.length > place.part.total) return 'malformed'
  return {
    isWide,
    atOnce: (flags & atOnceFlag) !== 0,
    ...(place && { place }),
    ...(acknowledgement && { acknowledgement }),
    isProbe: code === restCodes.probe,
    hasLength,
    rest,
  }
}

function restOf({ place, isProbe }: SequencedMessage): keyof typeof restCodes {
  if (isProbe) return 'probe'
  if (!place) return 'nothing'
  return place.part ? 'part' : 'whole'
}

/** The number nearest to `expected`, at least 0, whose low bits these are. */
export function expandSequence(truncated: number, isWide: boolean, expected: number): number {
  const span = isWide ? 2 ** 32 : 2 ** 16
  const candidate = expected - (expected % span) + truncated
  if (candidate <= expected - span / 2) return candidate + span
  return candidate > expected + span / 2 && candidate >= span ? candidate - span : candidate
}

/** How many ranges an acknowledgement of that length may tell; most of them take two bytes. */
export function rangesThatFit(isWide: boolean, bytesMax: number): number {
  const bare = 1 + (isWide ? 4 : 2) + 2 * lengthBytesMax
  return Math.min(acknowledgedRangesMax, Math.max(0, Math.floor((bytesMax - bare) / 2)))
}

/** The acknowledgement with as many of its ranges, highest first, as fit that many bytes. */
export function fitAcknowledgement(
  acknowledgement: Acknowledgement,
  isWide: boolean,
  bytesMax: number,
): Acknowledgement {
  const { ranges } = acknowledgement
  let bytes = acknowledgementBytes({ ...acknowledgement, ranges: [] }, isWide)
  let count = 0
  let above: OffsetRange | undefined
  for (const range of ranges) {
    bytes += varintBytes(skippedAbove(range, above)) + varintBytes(range.end - range.start - 1)
    if (bytes > bytesMax) break
    count += 1
    above = range
  }
  return { ...acknowledgement, ranges: ranges.slice(0, count) }
}

/** Bytes that the acknowledgement takes in a header. */
export function acknowledgementBytes(acknowledgement: Acknowledgement, isWide: boolean): number {
  let bytes = 1 + (isWide ? 4 : 2)
  bytes += varintBytes(delayUnits(acknowledgement)) + varintBytes(latestField(acknowledgement))
  let above: OffsetRange | undefined
  for (const range of acknowledgement.ranges) {
    bytes += varintBytes(skippedAbove(range, above)) + varintBytes(range.end - range.start - 1)
    above = range
  }
  return bytes
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

function delayUnits({ delayMs }: Acknowledgement): number {
  return Math.min(delayUnitsMax, Math.round(delayMs / delayUnitMs))
}

/** In order, the latest is the one before `next`: distance 0, one byte. */
function latestField({ latestOffset, latestAttempt }: Acknowledgement): number {
  const distance = latestOffset + 1
  const folded = distance >= 0 ? distance * 2 : -distance * 2 - 1
  return folded * attemptModulus + latestAttempt
}

/** What lies between a range and the one above it; for the highest, how far it reaches. */
function skippedAbove(range: OffsetRange, above: OffsetRange | undefined): number {
  return above ? above.start - range.end - 1 : range.end - 2
}

function writeSequence(writer: ByteWriter, sequence: number, isWide: boolean): void {
  if (isWide) writer.u32(sequence % 2 ** 32)
  else writer.u16(sequence % 2 ** 16)
}

function readPlace(
  reader: ByteReader,
  isWide: boolean,
  attempt: number,
  isPart: boolean,
): ContentsPlace {
  const sequence = isWide ? reader.u32() : reader.u16()
  if (!isPart) return { sequence, attempt }
  const offset = reader.varint(0xffff)
  return { sequence, attempt, part: { offset, total: reader.varint(0xffff) } }
}

function writeAcknowledgement(writer: ByteWriter, told: Acknowledgement, isWide: boolean): void {
  writeSequence(writer, told.next, isWide)
  writer.varint(delayUnits(told)).varint(latestField(told))
  writer.u8(told.ranges.length)
  let above: OffsetRange | undefined
  for (const range of told.ranges) {
    writer.varint(skippedAbove(range, above)).varint(range.end - range.start - 1)
    above = range
  }
}

function readAcknowledgement(reader: ByteReader, isWide: boolean): Acknowledgement {
  const next = isWide ? reader.u32() : reader.u16()
  const delayMs = reader.varint(delayUnitsMax) * delayUnitMs
  const latest = reader.varint(distanceMax * 2 * attemptModulus)
  const folded = Math.floor(latest / attemptModulus)
  const distance = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2
  const count = reader.u8()
  if (count > acknowledgedRangesMax) reader.fail()
  const ranges: OffsetRange[] = []
  let end = 0
  for (let index = 0; index < count && !reader.failed; index += 1) {
    const skipped = reader.varint(distanceMax)
    end = index === 0 ? skipped + 2 : ranges[index - 1]!.start - skipped - 1
    const start = end - reader.varint(distanceMax) - 1
    if (start < 1) reader.fail()
    ranges.push({ start, end })
  }
  return {
    next,
    delayMs,
    latestOffset: distance - 1,
    latestAttempt: latest % attemptModulus,
    ranges,
  }
}
