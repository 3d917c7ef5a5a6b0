/**
 * The ring of events: bytes in segments, of which the oldest is overwritten when all are full.
 *
 * Invariants: the events last recorded can always be read, whatever was overwritten, since a
 * segment needs no other; events recorded are events readable plus events counted as overwritten.
 */

import { assert } from '../engine/assert.ts'
import { encodeUtf8 } from '../engine/bytes/utf8.ts'
import {
  argumentKinds,
  eventCodeBase,
  eventFormatVersion,
  parametersMax,
  recordBytesMax,
  recordCodes,
  segmentBytesMin,
  segmentHeaderBytes,
  textBytesMax,
  textUnitsMax,
  ticksPerMs,
  wholeNumberMax,
} from './event-format.ts'
import type { InstrumentsOf } from './instrument.ts'
import type { recorderInstruments } from './registry/recorder.ts'

/** A segment ends what a lost or damaged block can cost. */
const segmentBytesMax = 16 * 1024

/** Overwriting the oldest of four keeps at least three quarters of the ring readable. */
const segmentCountMin = 4

/** The smallest ring. */
export const ringBytesMin = segmentBytesMin * segmentCountMin

export type EventArgument = string | number | undefined

export class EventRing {
  readonly #counters: InstrumentsOf<typeof recorderInstruments>
  readonly #schemaHash: Uint8Array
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #segmentBytes: number
  readonly #segmentCount: number
  /** By segment: bytes in use once it is full, and how many events it holds. */
  readonly #lengths: Uint32Array
  readonly #eventCounts: Uint32Array
  /** Numbers of the strings defined in the segment being written. */
  readonly #texts = new Map<string, number>()
  #segment = -1
  #offset = 0
  #end = 0
  /** A new string did not fit into the segment: the record is written again in the next one. */
  #overflowed = false
  /** Strings cut in the record being written. */
  #textsCut = 0
  #sequence = 0
  #nowMs = 0
  #baseMs = 0
  #writtenMs = 0

  /** Takes `bytesMax` rounded down to whole segments, at least `ringBytesMin`. */
  constructor(
    bytesMax: number,
    schemaHash: Uint8Array,
    counters: InstrumentsOf<typeof recorderInstruments>,
  ) {
    const ringBytes = Math.max(bytesMax, ringBytesMin)
    this.#segmentBytes = Math.min(segmentBytesMax, Math.floor(ringBytes / segmentCountMin))
    this.#segmentCount = Math.floor(ringBytes / this.#segmentBytes)
    this.#bytes = new Uint8Array(this.#segmentBytes * this.#segmentCount)
    this.#view = new DataView(this.#bytes.buffer)
    this.#lengths = new Uint32Array(this.#segmentCount)
    this.#eventCounts = new Uint32Array(this.#segmentCount)
    this.#schemaHash = schemaHash
    this.#counters = counters
  }

  get nowMs(): number {
    return this.#nowMs
  }

  setTime(nowMs: number): void {
    this.#nowMs = nowMs
  }

  /** Appends one event with `count` arguments. */
  append(
    event: number,
    count: number,
    suppressed: number,
    a: EventArgument,
    b: EventArgument,
    c: EventArgument,
    d: EventArgument,
    e: EventArgument,
    f: EventArgument,
  ): void {
    if (this.#offset + recordBytesMax > this.#end) this.#beginSegment()
    const start = this.#offset
    this.#putRecord(event, count, suppressed, a, b, c, d, e, f)
    if (this.#overflowed) {
      this.#offset = start
      this.#overflowed = false
      this.#textsCut = 0
      this.#beginSegment()
      this.#putRecord(event, count, suppressed, a, b, c, d, e, f)
      assert(!this.#overflowed, 'an event fits into an empty segment')
    }
    this.#sequence += 1
    this.#eventCounts[this.#segment]! += 1
    this.#counters.eventsRecorded.add()
    if (this.#textsCut !== 0) {
      this.#counters.textsCut.add(this.#textsCut)
      this.#textsCut = 0
    }
  }

  /** Copies of the segments that hold events from a sequence number on, the oldest first. */
  segments(fromSequence: number): readonly Uint8Array[] {
    const segments: Uint8Array[] = []
    let sequence = this.#sequence
    for (const count of this.#eventCounts) sequence -= count
    for (let age = this.#segmentCount - 1; age >= 0; age -= 1) {
      const segment = (this.#segment + this.#segmentCount - age) % this.#segmentCount
      sequence += this.#eventCounts[segment] ?? 0
      if (sequence <= fromSequence || this.#eventCounts[segment] === 0) continue
      const start = segment * this.#segmentBytes
      const end = segment === this.#segment ? this.#offset : start + this.#lengths[segment]!
      segments.push(this.#bytes.slice(start, end))
    }
    return segments
  }

  #beginSegment(): void {
    if (this.#segment >= 0) {
      this.#lengths[this.#segment] = this.#offset - this.#segment * this.#segmentBytes
    }
    this.#segment = (this.#segment + 1) % this.#segmentCount
    this.#counters.eventsOverwritten.add(this.#eventCounts[this.#segment])
    this.#eventCounts[this.#segment] = 0
    this.#texts.clear()
    const start = this.#segment * this.#segmentBytes
    this.#bytes.fill(0, start, start + segmentHeaderBytes)
    this.#bytes[start] = eventFormatVersion
    this.#bytes.set(this.#schemaHash, start + 8)
    this.#view.setFloat64(start + 16, this.#sequence, true)
    this.#view.setFloat64(start + 24, this.#nowMs, true)
    this.#baseMs = this.#nowMs
    this.#writtenMs = this.#nowMs
    this.#offset = start + segmentHeaderBytes
    this.#end = start + this.#segmentBytes
  }

  #putRecord(
    event: number,
    count: number,
    suppressed: number,
    a: EventArgument,
    b: EventArgument,
    c: EventArgument,
    d: EventArgument,
    e: EventArgument,
    f: EventArgument,
  ): void {
    if (this.#nowMs !== this.#writtenMs) this.#putClock()
    if (suppressed !== 0) {
      this.#putNumber(recordCodes.suppressed)
      this.#putNumber(event)
      this.#putNumber(suppressed)
    }
    this.#putNumber(event + eventCodeBase)
    if (count > 0) this.#putArgument(a)
    if (count > 1) this.#putArgument(b)
    if (count > 2) this.#putArgument(c)
    if (count > 3) this.#putArgument(d)
    if (count > 4) this.#putArgument(e)
    if (count === parametersMax) this.#putArgument(f)
  }

  #putClock(): void {
    const ticks = Math.round((this.#nowMs - this.#baseMs) * ticksPerMs)
    if (this.#nowMs > this.#writtenMs && ticks <= wholeNumberMax) {
      this.#putNumber(recordCodes.clock)
      this.#putNumber(ticks)
    } else {
      this.#putNumber(recordCodes.clockSet)
      this.#putDouble(this.#nowMs)
      this.#baseMs = this.#nowMs
    }
    this.#writtenMs = this.#nowMs
  }

  #putArgument(value: EventArgument): void {
    if (typeof value === 'string') this.#putText(value)
    else if (value === undefined) this.#putNumber(argumentKinds.absent)
    else if (value >= 0 && value <= wholeNumberMax && Number.isInteger(value)) {
      this.#putNumber(value * 4 + argumentKinds.whole)
    } else {
      this.#putNumber(argumentKinds.double)
      this.#putDouble(value)
    }
  }

  #putText(text: string): void {
    const known = this.#texts.get(text)
    if (known !== undefined) {
      this.#putNumber(known * 4 + argumentKinds.text)
    } else if (text.length > textUnitsMax) {
      this.#textsCut += 1
      this.#putText(text.slice(0, textUnitsMax))
    } else if (this.#offset + textBytesMax + recordBytesMax > this.#end) {
      this.#overflowed = true
    } else {
      this.#putNumber(this.#texts.size * 4 + argumentKinds.text)
      this.#texts.set(text, this.#texts.size)
      const bytes = encodeUtf8(text)
      this.#putNumber(bytes.length)
      this.#bytes.set(bytes, this.#offset)
      this.#offset += bytes.length
    }
  }

  #putNumber(value: number): void {
    const bytes = this.#bytes
    let offset = this.#offset
    let rest = value
    while (rest > 0x7fff_ffff) {
      bytes[offset++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    // From here on the engine of the language can stay with 32-bit integers.
    let small = rest | 0
    while (small >= 0x80) {
      bytes[offset++] = (small & 0x7f) | 0x80
      small >>>= 7
    }
    bytes[offset++] = small
    this.#offset = offset
  }

  #putDouble(value: number): void {
    this.#view.setFloat64(this.#offset, value, true)
    this.#offset += 8
  }
}
