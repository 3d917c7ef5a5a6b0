/** Instruments of the mesh room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const meshInstruments = {} as const satisfies InstrumentDeclarations
