/** Instruments of the link room: channels, handshakes, frames, dials and links. */

import { counter, event, gauge, histogram, type InstrumentDeclarations } from '../instrument.ts'

export const linkInstruments = {
  // Channels and frames
  channels: gauge('channels', 'Open channels, those in handshake included.'),
  channelsRefused: counter('channels', 'Channels closed at once because a bound is reached.'),
  bytesSent: counter('bytes', 'Bytes of channel messages sent.'),
  bytesReceived: counter('bytes', 'Bytes of channel messages received.'),
  messagesSent: counter('messages', 'Channel messages sent.'),
  messagesReceived: counter('messages', 'Channel messages received.'),
  framesReceived: counter('frames', 'Whole frames received.'),
  framesSkipped: counter('frames', 'Frames received of a kind this version has no use for.'),
  framesMalformed: counter('frames', 'Fragments or frames that broke a rule; the channel closed.'),
  framesUndecipherable: counter('frames', 'Frames whose tag did not fit; the channel closed.'),
  hellosIgnored: counter('frames', 'Hellos whose echo cannot be true.'),
  sendsRefused: counter('frames', 'Frames refused because the queue to the neighbour is full.'),
  creditWaits: counter('waits', 'Times a channel had to wait for its bytes to drain.'),
  channelState: event('info', 'A channel moved to another state.', [
    ['channel', 'public'],
    ['from', 'public'],
    ['to', 'public'],
    ['reason', 'public'],
  ]),

  // Handshakes and links
  handshakes: counter('handshakes', 'Handshakes completed.'),
  handshakesFailed: counter('handshakes', 'Handshakes refused, by either side, or timed out.'),
  handshakeMs: histogram('ms', 'From channel to proven neighbour.'),
  rttMs: histogram('ms', 'Round-trip times measured by hellos.'),
  links: gauge('peers', 'Neighbours linked.'),
  linkUp: event('info', 'A neighbour is linked.', [
    ['peer', 'id'],
    ['transport', 'public'],
    ['channel', 'public'],
  ]),
  linkSwitched: event('info', 'A link uses another of its channels.', [
    ['peer', 'id'],
    ['channel', 'public'],
    ['reason', 'public'],
  ]),
  linkDown: event('info', 'A neighbour is no longer linked.', [
    ['peer', 'id'],
    ['reason', 'public'],
  ]),
  wakes: counter('wakes', 'Deadlines that came so late that this machine must have slept.'),
  problems: counter('problems', 'Problems reported to the application.'),

  // Dials
  targets: gauge('targets', 'Addresses and peers to dial.'),
  targetsRefused: counter('targets', 'Addresses and peers beyond the bound.'),
  dials: counter('dials', 'Dials begun.'),
  dialsFailed: counter('dials', 'Dials that opened no channel.'),
  dialState: event('info', 'A dial target moved to another state.', [
    ['transport', 'public'],
    ['address', 'net'],
    ['from', 'public'],
    ['to', 'public'],
    ['reason', 'public'],
  ]),
} as const satisfies InstrumentDeclarations
