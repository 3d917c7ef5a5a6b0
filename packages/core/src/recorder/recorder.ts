/**
 * The flight recorder, first form: instruments in typed arrays and one bounded ring of events.
 *
 * Layers see the `Recorder`: their instruments, and nothing to read them with. Whoever owns the
 * engine holds the `FlightRecorder`, which reads. Both are pure: time comes in through `setTime`.
 */

import { encodeHex } from '../engine/bytes/hex.ts'
import { RingEventPoint } from './event-point.ts'
import { EventRing } from './event-ring.ts'
import { readSegment, type RecordedEvent } from './event-reader.ts'
import { lowestOfUnit } from './histogram-buckets.ts'
import type { EventPoint, InstrumentsOf } from './instrument.ts'
import { LevelTable, type RecorderLevel } from './level-table.ts'
import { registry, type Registry } from './registry.ts'
import type { recorderInstruments } from './registry/recorder.ts'
import {
  declaredInstruments,
  schemaHashOf,
  type DeclaredEvent,
  type InstrumentRegistry,
} from './schema.ts'
import { TokenBuckets } from './token-buckets.ts'
import { HistogramCells, HistogramTable, ValueCell, type HistogramSnapshot } from './value-table.ts'

export type { RecordedEvent } from './event-reader.ts'
export type { RecorderLevel } from './level-table.ts'
export type { HistogramSnapshot } from './value-table.ts'

/** The instruments of every room of a registry, and the clock that events are stamped with. */
export type RecorderOf<Rooms extends InstrumentRegistry> = {
  readonly [Room in keyof Rooms]: InstrumentsOf<Rooms[Room]>
} & {
  /** Sets the time of the events that follow; the engine calls it once for each input. */
  setTime(nowMs: number): void
}

/** The recorder that every layer of an engine is given. */
export type Recorder = RecorderOf<Registry>

export interface RecorderOptions {
  /**
   * Size of the ring of events in bytes; default 65,536, at least 16,384. The oldest events are
   * overwritten, and counted, when it is full.
   */
  readonly eventBytesMax?: number
  /** The least level recorded, in each room whose level is not set; default `info`. */
  readonly level?: RecorderLevel
}

/** All instruments at one moment, as plain data that can cross to another thread. */
export interface RecorderSnapshot {
  readonly atMs: number
  /** Names the registry that the recording was made with: 16 hexadecimal digits. */
  readonly schema: string
  /** By `room.name`. */
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  readonly histograms: Readonly<Record<string, HistogramSnapshot>>
}

/** A registry that has the recorder's own room. */
type RecordableRegistry = InstrumentRegistry & { readonly recorder: typeof recorderInstruments }

const eventBytesDefault = 64 * 1024

/** A recorder with its reading side. */
export class FlightRecorder<Rooms extends RecordableRegistry = Registry> {
  /** What the layers are given. */
  readonly recorder: RecorderOf<Rooms>
  readonly #cells = new Map<string, { readonly type: 'counter' | 'gauge'; cell: ValueCell }>()
  readonly #histograms = new Map<string, HistogramCells>()
  readonly #declaredEvents: readonly DeclaredEvent[]
  readonly #schemaHash: Uint8Array
  readonly #levels: LevelTable
  readonly #ring: EventRing
  readonly #levelSet: EventPoint

  constructor(rooms: Rooms, options: RecorderOptions = {}) {
    const declared = declaredInstruments(rooms)
    this.#declaredEvents = declared.filter((instrument) => instrument.type === 'event')
    this.#schemaHash = schemaHashOf(declared)
    this.#levels = new LevelTable(this.#declaredEvents, options.level ?? 'info')

    const values = new Float64Array(declared.length)
    const histogramTable = new HistogramTable(
      declared.filter((instrument) => instrument.type === 'histogram').length,
    )
    const instrumentsByRoom: Record<string, Record<string, unknown>> = {}
    for (const room of Object.keys(rooms)) instrumentsByRoom[room] = {}
    for (const [position, instrument] of declared.entries()) {
      const { room, name } = instrument
      if (instrument.type === 'event') continue
      if (instrument.type === 'histogram') {
        const lowest = lowestOfUnit(instrument.unit)
        const histogram = new HistogramCells(histogramTable, instrument.index, lowest)
        this.#histograms.set(`${room}.${name}`, histogram)
        instrumentsByRoom[room]![name] = histogram
      } else {
        const cell = new ValueCell(values, position)
        this.#cells.set(`${room}.${name}`, { type: instrument.type, cell })
        instrumentsByRoom[room]![name] = cell
      }
    }

    const own = instrumentsByRoom['recorder'] as InstrumentsOf<typeof recorderInstruments>
    this.#ring = new EventRing(options.eventBytesMax ?? eventBytesDefault, this.#schemaHash, own)
    const sink = {
      enabled: this.#levels.enabled,
      tokens: new TokenBuckets(this.#declaredEvents.length),
      ring: this.#ring,
      suppressed: own.eventsSuppressed,
    }
    for (const { room, name, index, parameters } of this.#declaredEvents) {
      instrumentsByRoom[room]![name] = new RingEventPoint(index, parameters.length, sink)
    }
    this.#levelSet = own.levelSet
    const setTime = (nowMs: number): void => {
      this.#ring.setTime(nowMs)
      this.#levels.expire(nowMs)
    }
    this.recorder = { ...instrumentsByRoom, setTime } as unknown as RecorderOf<Rooms>
  }

  /** The level of a room now. */
  levelOf(room: keyof Rooms & string): RecorderLevel {
    return this.#levels.levelOf(room)
  }

  /** Sets the level of a room, by default for good; else until a time, when the base level returns. */
  setLevel(room: keyof Rooms & string, level: RecorderLevel, untilMs = Infinity): void {
    this.#levels.setLevel(room, level, untilMs)
    this.#levelSet.record(room, level)
  }

  /** The values of all instruments. */
  snapshot(): RecorderSnapshot {
    const counters: Record<string, number> = {}
    const gauges: Record<string, number> = {}
    const histograms: Record<string, HistogramSnapshot> = {}
    for (const [name, { type, cell }] of this.#cells) {
      if (type === 'counter') counters[name] = cell.value
      else gauges[name] = cell.value
    }
    for (const [name, histogram] of this.#histograms) histograms[name] = histogram.snapshot()
    const schema = encodeHex(this.#schemaHash)
    return { atMs: this.#ring.nowMs, schema, counters, gauges, histograms }
  }

  /**
   * The events still in the ring, the oldest first, from a sequence number on: a reader that asks
   * again passes one more than the last it got.
   */
  events(fromSequence = 0): readonly RecordedEvent[] {
    const events = this.#ring
      .segments(fromSequence)
      .flatMap((segment) => readSegment(segment, this.#schemaHash, this.#declaredEvents))
    return fromSequence === 0 ? events : events.filter((event) => event.sequence >= fromSequence)
  }
}

/** A recorder of the library's registry with its reading side. */
export function createFlightRecorder(options?: RecorderOptions): FlightRecorder {
  return new FlightRecorder(registry, options)
}

/** A recorder that nobody reads, but that works like any other. */
export function createRecorder(options?: RecorderOptions): Recorder {
  return createFlightRecorder(options).recorder
}
