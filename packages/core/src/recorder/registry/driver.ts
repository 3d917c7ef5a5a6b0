/** Instruments of the driver room: the pump, storage, and the way to the transports. */

import { counter, event, histogram, type InstrumentDeclarations } from '../instrument.ts'

export const driverInstruments = {
  inputs: counter('inputs', 'Inputs handed to the engine, deadlines included.'),
  outputs: counter('outputs', 'Outputs of the engine that were carried out.'),
  sliceMs: histogram('ms', 'Time the engine kept the thread without a break.'),
  slicesCut: counter('slices', 'Slices that ended with work left, for the sake of the thread.'),
  deadlineLatenessMs: histogram('ms', 'How late a deadline was handed to the engine.'),
  commands: counter('commands', 'Commands of the application.'),
  commandsRefused: counter('commands', 'Commands refused because too many were unanswered.'),
  commandMs: histogram('ms', 'Time from a command to its answer.'),
  storageReads: counter('requests', 'Read requests sent to storage.'),
  storageWrites: counter('requests', 'Write batches sent to storage.'),
  storageWriteMs: histogram('ms', 'Time until a write batch was durable.'),
  storageFailed: event('error', 'A storage request failed.', [
    ['request', 'public'],
    ['reason', 'public'],
  ]),
  channelOverrun: event('warn', 'A channel was closed: it delivered faster than it was read.', [
    ['channel', 'public'],
    ['unprocessedBytes', 'public'],
  ]),
  channelsRefused: counter('channels', 'Channels closed at once because too many were open.'),
  signalsDropped: counter('signals', 'Signals dropped because transports had not taken others.'),
  channelsAdopted: counter('channels', 'Channels whose bytes bypass the page.'),
  transportFailed: event('error', 'A transport could not start.', [
    ['transport', 'public'],
    ['message', 'text'],
  ]),
  started: event('info', 'The engine runs.', [['epoch', 'public']]),
  ended: event('info', 'The engine ended: `closed`, or the code of a problem.', [
    ['reason', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
