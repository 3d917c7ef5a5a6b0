/** What the recorder says about itself. */

import { counter, event, type InstrumentDeclarations } from '../instrument.ts'

export const recorderInstruments = {
  eventsRecorded: counter('events', 'Events written into the ring.'),
  eventsOverwritten: counter('events', 'Events lost because newer ones took their place.'),
  eventsSuppressed: counter('events', 'Events not written because their kind came too often.'),
  textsCut: counter('texts', 'Arguments of events that were too long and were cut.'),
  levelSet: event('info', 'The level of a room was changed.', [
    ['room', 'public'],
    ['level', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
