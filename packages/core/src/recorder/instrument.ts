/**
 * How instruments are declared and used. A room's declarations live in `registry/<room>.ts`;
 * `registry.ts` joins them into the one registry.
 */

/** What an event's argument may reveal; decides what leaves the device and in which form. */
export type PrivacyClass =
  /** A constant of our own: a state, a reason, a number of bytes. */
  | 'public'
  /** Names a peer, document or connection. */
  | 'id'
  /** A network address. */
  | 'net'
  /** Free text. */
  | 'text'

export type EventLevel = 'debug' | 'info' | 'warn' | 'error'

export interface CounterDeclaration {
  readonly type: 'counter'
  readonly unit: string
  readonly help: string
}

/** A value that goes up and down; the recorder keeps the last one. */
export interface GaugeDeclaration {
  readonly type: 'gauge'
  readonly unit: string
  readonly help: string
}

export interface HistogramDeclaration {
  readonly type: 'histogram'
  readonly unit: string
  readonly help: string
}

export interface EventDeclaration {
  readonly type: 'event'
  readonly level: EventLevel
  readonly help: string
  /** Names and privacy classes of at most 6 arguments, in the order in which they are recorded. */
  readonly parameters: readonly (readonly [name: string, privacy: PrivacyClass])[]
}

export type InstrumentDeclaration =
  CounterDeclaration | GaugeDeclaration | HistogramDeclaration | EventDeclaration

/** The declarations of one room, by camel-case name. */
export type InstrumentDeclarations = Readonly<Record<string, InstrumentDeclaration>>

/** A sum that only grows. */
export interface Counter {
  add(amount?: number): void
  readonly value: number
}

export interface Gauge {
  set(value: number): void
  readonly value: number
}

/** A log-linear histogram of non-negative values; worst relative error 5.9 %. */
export interface Histogram {
  observe(value: number): void
  readonly count: number
}

/** A point in the code that leaves an entry in the flight recorder's ring. */
export interface EventPoint {
  record(
    a?: string | number,
    b?: string | number,
    c?: string | number,
    d?: string | number,
    e?: string | number,
    f?: string | number,
  ): void
}

/** The instruments that a room's declarations make. */
export type InstrumentsOf<Declarations extends InstrumentDeclarations> = {
  readonly [Name in keyof Declarations]: Declarations[Name] extends CounterDeclaration
    ? Counter
    : Declarations[Name] extends GaugeDeclaration
      ? Gauge
      : Declarations[Name] extends HistogramDeclaration
        ? Histogram
        : EventPoint
}

export function counter(unit: string, help: string): CounterDeclaration {
  return { type: 'counter', unit, help }
}

export function gauge(unit: string, help: string): GaugeDeclaration {
  return { type: 'gauge', unit, help }
}

export function histogram(unit: string, help: string): HistogramDeclaration {
  return { type: 'histogram', unit, help }
}

export function event(
  level: EventLevel,
  help: string,
  parameters: EventDeclaration['parameters'],
): EventDeclaration {
  return { type: 'event', level, help, parameters }
}
