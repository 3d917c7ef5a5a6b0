/** Instruments of the driver room. */

import type { InstrumentDeclarations } from '../instrument.ts'

export const driverInstruments = {} as const satisfies InstrumentDeclarations
