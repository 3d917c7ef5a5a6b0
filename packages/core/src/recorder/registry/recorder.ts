/** Instruments of the recorder room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const recorderInstruments = {} as const satisfies InstrumentDeclarations
