/** The registry as a list: names in a fixed order, and the hash by which a reader knows them. */

import type {
  CounterDeclaration,
  EventDeclaration,
  EventLevel,
  GaugeDeclaration,
  HistogramDeclaration,
  InstrumentDeclarations,
} from './instrument.ts'

/** Rooms with their declarations. */
export type InstrumentRegistry = Readonly<Record<string, InstrumentDeclarations>>

/** A counter, gauge or histogram with its place; `index` counts those of the same type. */
export interface DeclaredValue {
  readonly type: (CounterDeclaration | GaugeDeclaration | HistogramDeclaration)['type']
  readonly index: number
  readonly room: string
  readonly name: string
  readonly unit: string
}

/** An event with its place; `index` is what the ring writes. */
export interface DeclaredEvent {
  readonly type: 'event'
  readonly index: number
  readonly room: string
  readonly name: string
  readonly level: EventLevel
  readonly parameters: EventDeclaration['parameters']
}

export type DeclaredInstrument = DeclaredValue | DeclaredEvent

/** All instruments in the order of their declaration: the dictionary that decodes a recording. */
export function declaredInstruments(registry: InstrumentRegistry): readonly DeclaredInstrument[] {
  const counts = { counter: 0, gauge: 0, histogram: 0, event: 0 }
  const declared: DeclaredInstrument[] = []
  for (const [room, declarations] of Object.entries(registry)) {
    for (const [name, declaration] of Object.entries(declarations)) {
      const index = counts[declaration.type]++
      if (declaration.type === 'event') {
        const { type, level, parameters } = declaration
        declared.push({ type, index, room, name, level, parameters })
      } else {
        const { type, unit } = declaration
        declared.push({ type, index, room, name, unit })
      }
    }
  }
  return declared
}

/**
 * Eight bytes that change whenever the decoding of a recording would (help texts do not count).
 * FNV-1a over UTF-16 code units in two lanes of 32 bits; not cryptographic.
 */
export function schemaHashOf(declared: readonly DeclaredInstrument[]): Uint8Array {
  const text = JSON.stringify(declared)
  let low = 0x811c9dc5
  let high = 0xcbf29ce4
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x01000197)
  }
  const hash = new DataView(new ArrayBuffer(8))
  hash.setUint32(0, high)
  hash.setUint32(4, low)
  return new Uint8Array(hash.buffer)
}
