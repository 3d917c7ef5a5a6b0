/** Instruments of the documents room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const documentsInstruments = {} as const satisfies InstrumentDeclarations
