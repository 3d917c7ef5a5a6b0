/** Reading segments of the event ring back into events with names. */

import { ByteReader } from '../engine/bytes/reader.ts'
import {
  argumentKinds,
  eventCodeBase,
  eventFormatVersion,
  recordCodes,
  segmentHeaderBytes,
  textUnitsMax,
  ticksPerMs,
} from './event-format.ts'
import type { EventLevel } from './instrument.ts'
import type { DeclaredEvent } from './schema.ts'

/** One event as it was recorded; times have a resolution of 0.1 ms. */
export interface RecordedEvent {
  /** Count of the events recorded before it; a step of more than one is a loss. */
  readonly sequence: number
  readonly atMs: number
  readonly room: string
  readonly name: string
  readonly level: EventLevel
  /** By the name of the parameter; one that was not given is absent. */
  readonly arguments: Readonly<Record<string, string | number>>
  /** Events of this kind that were suppressed since the one before it. */
  readonly suppressed: number
}

/**
 * The events of one segment, up to the first malformed record; none when it was written with
 * another schema or format.
 */
export function readSegment(
  segment: Uint8Array,
  schemaHash: Uint8Array,
  declaredEvents: readonly DeclaredEvent[],
): readonly RecordedEvent[] {
  const events: RecordedEvent[] = []
  const reader = new ByteReader(segment)
  const header = reader.raw(segmentHeaderBytes)
  if (reader.failed || header[0] !== eventFormatVersion) return events
  if (schemaHash.some((byte, index) => header[8 + index] !== byte)) return events
  let sequence = readDouble(header.subarray(16))
  let baseMs = readDouble(header.subarray(24))
  let atMs = baseMs
  const texts: string[] = []
  const suppressedByEvent = new Map<number, number>()
  while (reader.remaining > 0) {
    const code = reader.varint()
    if (code === recordCodes.clock) {
      atMs = baseMs + reader.varint() / ticksPerMs
    } else if (code === recordCodes.clockSet) {
      baseMs = readDouble(reader.raw(8))
      atMs = baseMs
    } else if (code === recordCodes.suppressed) {
      suppressedByEvent.set(reader.varint(), reader.varint())
    } else {
      const event = declaredEvents[code - eventCodeBase]
      if (event === undefined) return events
      const recorded: Record<string, string | number> = {}
      for (const [name] of event.parameters) {
        const value = readArgument(reader, texts)
        if (value !== undefined) recorded[name] = value
      }
      if (reader.failed) return events
      const suppressed = suppressedByEvent.get(event.index) ?? 0
      suppressedByEvent.delete(event.index)
      const { room, name, level } = event
      events.push({ sequence, atMs, room, name, level, arguments: recorded, suppressed })
      sequence += 1
    }
    if (reader.failed) return events
  }
  return events
}

function readArgument(reader: ByteReader, texts: string[]): string | number | undefined {
  const tagged = reader.varint()
  const kind = tagged % 4
  const value = (tagged - kind) / 4
  if (kind === argumentKinds.whole) return value
  if (kind === argumentKinds.double) return readDouble(reader.raw(8))
  if (kind === argumentKinds.absent) return undefined
  if (value === texts.length) texts.push(reader.text(textUnitsMax * 3))
  else if (value > texts.length) reader.fail()
  return texts[value]
}

/** The little-endian double at the beginning of some bytes; zero where they are too short. */
function readDouble(bytes: Uint8Array): number {
  if (bytes.length < 8) return 0
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true)
}
