/** Instruments of the connection room: virtual connections, their packets and streams. */

import { counter, event, histogram, type InstrumentDeclarations } from '../instrument.ts'

export const connectionInstruments = {
  packetsSent: counter('packets', 'Protected packets that the mesh took'),
  packetsReceived: counter('packets', 'Protected packets received, authentic and new'),
  packetBytesSent: counter('bytes', 'Bytes of protected packets sent, headers and tags included'),
  packetBytesReceived: counter('bytes', 'Bytes of protected packets received, likewise'),
  messageBytesSent: counter('bytes', 'Bytes of messages queued on streams'),
  messageBytesReceived: counter('bytes', 'Bytes of messages received whole'),
  messagesSent: counter('messages', 'Messages queued on streams'),
  messagesReceived: counter('messages', 'Messages received whole'),
  streamsOpened: counter('streams', 'Streams that the application here opened'),
  streamsAccepted: counter('streams', 'Streams that applications at the other end opened'),
  streamsRefused: counter('streams', 'Streams of other ends refused: nobody accepts the protocol'),
  datagramsSent: counter('datagrams', 'Datagrams put in packets'),
  datagramsReceived: counter('datagrams', 'Datagrams received'),
  datagramsDropped: counter('datagrams', 'Datagrams dropped before sending: queue full'),
  datagramsTooLarge: counter('datagrams', 'Datagrams refused: larger than a packet of the path'),
  packetsLost: counter('packets', 'Packets declared lost'),
  probesSent: counter('probes', 'Probe timeouts that sent something again'),
  packetsReplayed: counter('packets', 'Packets dropped: number seen before or too old'),
  packetsForged: counter('packets', 'Packets dropped: the tag does not fit'),
  packetsMalformed: counter('packets', 'Packets dropped: no layout of this version'),
  packetsUnknown: counter('packets', 'Packets dropped: for a connection nobody has here'),
  violations: counter('violations', 'Rules broken by an authentic peer; each ended its connection'),
  handshakesRefused: counter('handshakes', 'Handshakes turned down or failed'),
  handshakesDropped: counter('handshakes', 'Handshake openings dropped: too many at once'),
  messagesRefused: counter('messages', 'Messages answered with full: 1 MiB unsent on the stream'),
  roundTripMs: histogram('ms', 'Smoothed round-trip time at each acknowledgement'),
  handshakeMs: histogram('ms', 'From opening a handshake to being connected, as its initiator'),
  handshakeStarted: event('debug', 'A handshake was opened by this end', [['peer', 'id']]),
  handshakeFailed: event('warn', 'A handshake came to nothing', [
    ['peer', 'id'],
    ['reason', 'public'],
  ]),
  connected: event('info', 'A connection is up', [
    ['peer', 'id'],
    ['epoch', 'public'],
    ['role', 'public'],
  ]),
  disconnected: event('info', 'A connection ended', [
    ['peer', 'id'],
    ['reason', 'public'],
    ['code', 'public'],
  ]),
  parked: event('info', 'No route: the connection keeps its state and sends nothing', [
    ['peer', 'id'],
  ]),
  resumed: event('info', 'A route again: the connection goes on', [
    ['peer', 'id'],
    ['parkedMs', 'public'],
  ]),
  pathChanged: event('debug', 'Another path: congestion state starts anew', [['peer', 'id']]),
  congested: event('debug', 'Packets were lost and the congestion window shrank', [
    ['peer', 'id'],
    ['lostPackets', 'public'],
    ['windowBytes', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
