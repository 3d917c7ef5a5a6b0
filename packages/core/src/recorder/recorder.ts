/**
 * The flight recorder, first form: instruments in typed arrays and one bounded ring of events.
 */

import type { InstrumentsOf } from './instrument.ts'
import type { Registry } from './registry.ts'

/** The instruments of every room, and the clock that events are stamped with. */
export type Recorder = {
  readonly [Room in keyof Registry]: InstrumentsOf<Registry[Room]>
} & {
  /** Sets the time of the events that follow; the engine calls it once for each input. */
  setTime(nowMs: number): void
}
