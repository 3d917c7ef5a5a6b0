/** Instruments of the signalling room. */

import { counter, type InstrumentDeclarations } from '../instrument.ts'

export const signallingInstruments = {
  signalsSent: counter('signals', 'Signals of our transports handed to a connection'),
  signalsReceived: counter('signals', 'Signals handed to our transports'),
  signalsDropped: counter('signals', 'Signals too large, too many or too old to be sent'),
  signalsRefused: counter('messages', 'Control messages that are no signal'),
} as const satisfies InstrumentDeclarations
