/** Instruments of the documents room: writes, remote changes, queries, live documents, storage. */

import { counter, event, gauge, histogram, type InstrumentDeclarations } from '../instrument.ts'

export const documentsInstruments = {
  // Local writes
  changesCommitted: counter('changes', 'Local changes that became durable.'),
  writesRefused: counter('writes', 'Local writes answered with a problem.'),

  // Changes of others
  deliveriesApplied: counter('deliveries', 'Changes and checkpoints of others made durable.'),
  deliveriesKnown: counter('deliveries', 'Held already when they came.'),
  deliveriesGap: counter('deliveries', 'Put off: an earlier change of their writer is missing.'),
  deliveriesRefused: counter('deliveries', 'Malformed, over a limit or contradictory.'),
  deliveriesFailed: counter('deliveries', 'Given up because storage failed or the queue is full.'),
  deliveryRefused: event('warn', 'A delivery of another peer was refused.', [
    ['peer', 'id'],
    ['collection', 'id'],
    ['id', 'id'],
    ['reason', 'public'],
  ]),

  // Documents in memory and in storage
  documentsCached: gauge('documents', 'Documents held in memory.'),
  documentLoads: counter('documents', 'Documents read from storage.'),
  checkpointsWritten: counter('checkpoints', 'Logs of changes merged into a checkpoint.'),
  jobsQueued: gauge('jobs', 'Writes and deliveries that have not run yet.'),
  commits: counter('commits', 'Batches that storage made durable.'),
  commitFailures: counter('commits', 'Batches that storage refused; nothing of them is kept.'),
  readFailures: counter('reads', 'Reads that storage failed.'),
  commitWrites: histogram('writes', 'Storage operations of one batch.'),
  commitMs: histogram('ms', 'Time from handing a batch to storage until it is durable.'),
  storageFailed: event('error', 'Storage failed an operation.', [
    ['operation', 'public'],
    ['reason', 'public'],
    ['message', 'text'],
  ]),
  replicaStateChanged: event('info', 'The replica went from one state to another.', [
    ['from', 'public'],
    ['to', 'public'],
    ['reason', 'public'],
  ]),

  // Queries
  observers: gauge('queries', 'Live queries.'),
  rowsScanned: counter('rows', 'Rows read to answer queries.'),

  // Live documents
  liveDocuments: gauge('documents', 'Documents open in the application.'),
  liveUpdates: counter('updates', 'Updates that came from live documents of the application.'),
  liveStatesSentAgain: counter('documents', 'Whole states sent again to a slow live document.'),
} as const satisfies InstrumentDeclarations
