/** Instruments of the link room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const linkInstruments = {} as const satisfies InstrumentDeclarations
