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
  rekeysSent: counter(
    'frames',
    'Times the next key of a channel followed that frames were sealed with.',
  ),
  rekeysReceived: counter('frames', 'The same of the other ends of channels.'),
  hellosIgnored: counter('frames', 'Hellos whose echo cannot be true.'),
  sendsRefused: counter('frames', 'Frames refused because the queue to the neighbour is full.'),
  creditWaits: counter('waits', 'Times a channel had to wait for its bytes to drain.'),
  channelState: event('info', 'A channel moved to another state.', [
    ['channel', 'public'],
    ['from', 'public'],
    ['to', 'public'],
    ['reason', 'public'],
  ]),

  // Messages of channels that lose or reorder
  messagesRepeated: counter('messages', 'Messages sent again, on channels that lose.'),
  messagesRepeatedInVain: counter(
    'messages',
    'Messages that counted as lost and had arrived: the channel reorders more than expected.',
  ),
  messagesLost: counter('messages', 'Messages that counted as lost.'),
  messagesDuplicate: counter('messages', 'Messages received that had come before; dropped.'),
  messagesRefused: counter('messages', 'Messages received beyond the window; dropped.'),
  messagesMalformed: counter('messages', 'Messages received whose header breaks a rule; dropped.'),
  messagesCut: counter('messages', 'Messages received shorter than they were sent; dropped.'),
  acknowledgementsSent: counter('acknowledgements', 'Acknowledgements sent.'),
  acknowledgementsIgnored: counter(
    'acknowledgements',
    'Acknowledgements of what was never sent; ignored.',
  ),
  repeatTimeouts: counter('timeouts', 'Times nothing was acknowledged for too long.'),
  sizeProbes: counter('probes', 'Probes sent to find out how long messages may be.'),
  sizeFalls: counter('falls', 'Times messages became shorter, since long ones did not arrive.'),
  messageRttMs: histogram('ms', 'Round-trip times measured by acknowledgements.'),

  // Handshakes and links
  handshakes: counter('handshakes', 'Handshakes completed.'),
  handshakesReturned: counter('handshakes', 'Those of them between peers that knew each other.'),
  handshakesFailed: counter('handshakes', 'Handshakes refused, by either side, or timed out.'),
  handshakeMs: histogram('ms', 'From channel to proven neighbour.'),
  rttMs: histogram('ms', 'Round-trip times measured by hellos.'),
  bandwidth: histogram(
    'kB/s',
    'What channels carry, where that is known, at each round trip by hellos.',
  ),
  loss: histogram('permille', 'Messages or hellos lost, where that is known, at the same times.'),
  links: gauge('peers', 'Neighbours linked.'),
  linkUp: event('info', 'A neighbour is linked.', [
    ['peer', 'id'],
    ['transport', 'public'],
    ['channel', 'public'],
  ]),
  switches: counter('switches', 'Times a link went over to another of its channels; at both ends.'),
  switchesBetter: counter('switches', 'Those to a channel of a better cost class, or not metered.'),
  switchesFaster: counter('switches', 'Those to a channel with a shorter round trip.'),
  switchesLost: counter('switches', 'Those from a channel that was gone.'),
  switchesSuspect: counter(
    'switches',
    'Those from a channel that did not answer the deciding end.',
  ),
  switchesAsked: counter('switches', 'Those that the other end had asked for.'),
  switchesDuplicate: counter(
    'switches',
    'Those to the channel that stays of two of one transport.',
  ),
  switchesFounders: counter('switches', 'Those of ends that had begun with different channels.'),
  framesResent: counter('frames', 'Mesh frames sent again on another channel.'),
  packetsGivenUp: counter(
    'packets',
    'Packets dropped since a channel over Bluetooth took over: their connections send anew.',
  ),
  framesRepeated: counter('frames', 'Mesh frames dropped because they had come before.'),
  linksTorn: counter('links', 'Links told as down and up since frames were lost in a switch.'),
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
