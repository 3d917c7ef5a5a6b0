/** Instruments of the mesh room: packets, routes, presence and the planning of links. */

import { counter, event, gauge, type InstrumentDeclarations } from '../instrument.ts'

export const meshInstruments = {
  // Packets
  packetsSent: counter('packets', 'Own packets that a link took or that were parked.'),
  packetsRefused: counter('packets', 'Own packets refused because the link towards them is full.'),
  packetsUnroutable: counter('packets', 'Own packets refused because there is no route.'),
  packetsDelivered: counter('packets', 'Packets addressed to this peer.'),
  packetsForwarded: counter('packets', 'Packets of others that a link took.'),
  packetsReturned: counter(
    'packets',
    'Packets that say they are of this peer, passed on: their path changed, or they lie.',
  ),
  bytesForwarded: counter('bytes', 'Bytes of the packets of others that a link took.'),
  packetsMarked: counter('packets', 'Packets of others marked for congestion.'),
  packetsParked: counter('packets', 'Packets kept for a moment for want of a route.'),
  packetsDroppedNoRoute: counter('packets', 'Dropped: no route to the destination.'),
  packetsDroppedHopLimit: counter('packets', 'Dropped: hop limit used up.'),
  packetsDroppedQueueFull: counter(
    'packets',
    'Dropped: gave way in the full queue of the next hop.',
  ),
  packetsDroppedQueueExpired: counter('packets', 'Dropped: waited too long for the next hop.'),
  packetsDroppedParkingFull: counter('packets', 'Dropped: too much is parked already.'),
  packetsDroppedParkingExpired: counter('packets', 'Dropped: no route came back in time.'),
  packetsDroppedMalformed: counter('packets', 'Dropped: not a packet of this version.'),
  queuedBytes: gauge('bytes', 'Packets that wait for a full link.'),
  parkedBytes: gauge('bytes', 'Packets that wait for a route.'),

  // Routes
  neighbours: gauge('peers', 'Linked peers.'),
  reachablePeers: gauge('peers', 'Peers that packets can be sent to.'),
  routeFramesSent: counter('frames', 'Route frames that a link took.'),
  routeBytesSent: counter('bytes', 'Payloads of the route frames that a link took.'),
  routeFramesReceived: counter('frames', 'Route frames that were applied.'),
  routeFramesMalformed: counter('frames', 'Route frames that could not be read.'),
  routeTablesRequested: counter('frames', 'Tables asked for when a digest was not right.'),
  routeRequestsSent: counter('requests', 'Requests for newer sequence numbers that a link took.'),
  routeRequestsReceived: counter('requests', 'Requests for newer sequence numbers of neighbours.'),
  routeRequestsRefused: counter('requests', 'Requests for newer sequence numbers beyond a bound.'),
  routeEntriesRefused: counter('entries', 'Told destinations beyond a bound, or that cannot be.'),
  neighbourUp: event('info', 'A link to a neighbour is up.', [
    ['peer', 'id'],
    ['transport', 'public'],
    ['metric', 'public'],
  ]),
  neighbourDown: event('info', 'The link to a neighbour is gone.', [['peer', 'id']]),
  routeSelected: event('info', 'The path to a peer changed.', [
    ['peer', 'id'],
    ['via', 'id'],
    ['metric', 'public'],
    ['reason', 'public'],
  ]),
  routeLost: event('info', 'A peer became unreachable.', [
    ['peer', 'id'],
    ['via', 'id'],
  ]),

  // Presence
  presenceRecords: gauge('records', 'Records of other peers that are held.'),
  presenceRecordsIssued: counter('records', 'Own records signed.'),
  presenceRecordsSent: counter('records', 'Records that links took.'),
  presenceBytesSent: counter('bytes', 'Payloads of the presence frames that a link took.'),
  presenceRecordsAccepted: counter('records', 'Newer records of other peers.'),
  presenceRecordsDuplicate: counter('records', 'Records known already, or older.'),
  presenceRecordsForged: counter('records', 'Records whose signature does not hold.'),
  presenceRecordsLater: counter('records', 'Records of a later version, which are passed over.'),
  presenceRecordsMalformed: counter('records', 'Records that break the format.'),
  presenceRecordsOverflow: counter('records', 'Records refused because the table is full.'),
  presenceRecordsMuted: counter('frames', 'Presence frames ignored: their sender is muted.'),
  presenceFramesMalformed: counter('frames', 'Presence frames that could not be read.'),
  presenceIssued: event('debug', 'Signed a new record of this peer.', [
    ['sequence', 'public'],
    ['reason', 'public'],
    ['bytes', 'public'],
  ]),
  presenceAppeared: event('info', 'A peer is known by its record.', [['peer', 'id']]),
  presenceRemoved: event('info', 'The record of a peer was dropped.', [
    ['peer', 'id'],
    ['reason', 'public'],
  ]),
  presenceMuted: event('warn', 'A neighbour sent too many bad records.', [['peer', 'id']]),
  identityInUse: event('warn', 'Somebody else speaks with the key of this peer.', [
    ['epoch', 'public'],
    ['sequence', 'public'],
  ]),

  // Links that are wanted
  linkDecided: event(
    'info',
    'It was decided whether a link to a peer is sought, kept or dropped.',
    [
      ['peer', 'id'],
      ['transport', 'public'],
      ['to', 'public'],
      ['reason', 'public'],
    ],
  ),
  addressDecided: event('info', 'It was decided whether an address that was found is dialled.', [
    ['transport', 'public'],
    ['address', 'net'],
    ['peer', 'id'],
    ['to', 'public'],
    ['reason', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
