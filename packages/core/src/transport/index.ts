/** What a transport is written against: `@fieldmesh/core/transport`. */
export type {
  Channel,
  ChannelCloseReason,
  ChannelCost,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from './channel.ts'
export type { HandedOverPipe, HandOver, PipeId } from './hand-over.ts'
export { DialFailure } from './transport.ts'
export type {
  AddressDiscovery,
  DialFailureOptions,
  DialFailureReason,
  DialObstacle,
  JoinedMeeting,
  OfferedMeeting,
  Transport,
  TransportCapabilities,
  TransportHost,
  TransportMeetings,
} from './transport.ts'
