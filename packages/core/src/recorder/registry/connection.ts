/** Instruments of the connection room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const connectionInstruments = {} as const satisfies InstrumentDeclarations
