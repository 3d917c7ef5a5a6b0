/** Instruments of the lifecycle: sleep, the page and the network of the host. */

import { event, type InstrumentDeclarations } from '../instrument.ts'

export const lifecycleInstruments = {
  changed: event('info', 'Machine, page or network moved to another state, and what told of it.', [
    ['transition', 'public'],
    ['reason', 'public'],
    ['sleptMs', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
