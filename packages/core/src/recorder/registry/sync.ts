/** Instruments of the sync room. */

import { counter, event, gauge, histogram } from '../instrument.ts'
import type { InstrumentDeclarations } from '../instrument.ts'

export const syncInstruments = {
  neighbours: gauge('peers', 'Neighbours with a virtual connection to sync over'),
  neighbourUp: event('info', 'A neighbour to sync with appeared', [['peer', 'id']]),
  neighbourDown: event('info', 'A neighbour to sync with is gone', [['peer', 'id']]),

  messagesSent: counter('messages', 'Sync messages handed to connections'),
  messageBytesSent: counter('bytes', 'Bytes of sync messages handed to connections'),
  messagesReceived: counter('messages', 'Sync messages received'),
  messageBytesReceived: counter('bytes', 'Bytes of sync messages received'),
  messagesMalformed: counter('messages', 'Sync messages that were malformed or over a bound'),
  messagesUnexpected: counter('messages', 'Well-formed sync messages that nothing had asked for'),
  messageRefused: event('warn', 'A message of a neighbour was ignored', [
    ['peer', 'id'],
    ['reason', 'public'],
  ]),

  changesCommitted: counter('changes', 'Local changes that became durable'),
  changesPushed: counter('changes', 'Changes sent eagerly to a neighbour'),
  changesAnnounced: counter('documents', 'Documents announced lazily to a neighbour'),
  changesServed: counter('deliveries', 'Changes and checkpoints sent because a neighbour asked'),
  deliveriesApplied: counter('deliveries', 'Deliveries that became durable here'),
  deliveriesKnown: counter('deliveries', 'Deliveries that were held already'),
  deliveriesGap: counter('deliveries', 'Deliveries that came before their predecessor'),
  deliveriesRefused: counter('deliveries', 'Deliveries that the replica refused'),
  deliveriesFailed: counter('deliveries', 'Deliveries that storage failed to keep'),
  pushQueueDropped: event('warn', 'A slow neighbour lost its queue and will be compared with', [
    ['peer', 'id'],
  ]),
  inboxDropped: event('warn', 'Changes came faster than storage takes them', [
    ['peer', 'id'],
    ['bytes', 'public'],
  ]),

  rootChecks: counter('checks', 'Root digests asked for'),
  comparisonsStarted: counter('comparisons', 'Comparisons of all documents with a neighbour'),
  comparisonMs: histogram('ms', 'From the start of a comparison until all it found was fetched'),
  documentsDiffering: counter('documents', 'Documents that a comparison reported'),
  rootStateChanged: event('debug', 'Where the comparison with a neighbour stands', [
    ['peer', 'id'],
    ['state', 'public'],
    ['reason', 'public'],
  ]),

  fetchesSent: counter('requests', 'Requests for missing changes'),
  fetchMs: histogram('ms', 'From a request for missing changes until they are durable'),
  fetchTimedOut: event('warn', 'A neighbour did not answer a request for changes', [
    ['peer', 'id'],
    ['documents', 'public'],
  ]),
  fetchesDropped: counter('documents', 'Documents not asked for because the queue was full'),

  acknowledgementsSent: counter('entries', 'Acknowledged ranges sent towards their writers'),
  acknowledgementsReceived: counter('entries', 'Acknowledged ranges received'),

  awarenessStates: gauge('states', 'Awareness states known, those that left included'),
  awarenessSent: counter('datagrams', 'Awareness datagrams sent, forwarded ones included'),
  awarenessReceived: counter('datagrams', 'Awareness datagrams received'),
  awarenessStale: counter('datagrams', 'Awareness datagrams with nothing new'),
  awarenessRefused: counter('datagrams', 'Awareness datagrams malformed or over a bound'),
  awarenessExpired: counter('states', 'Awareness states removed for want of news'),
} as const satisfies InstrumentDeclarations
