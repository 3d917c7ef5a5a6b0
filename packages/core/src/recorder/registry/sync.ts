/** Instruments of the sync room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const syncInstruments = {} as const satisfies InstrumentDeclarations
