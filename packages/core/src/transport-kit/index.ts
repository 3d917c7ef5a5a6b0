/**
 * What the transports of this project share, for whoever writes another:
 * `@fieldmesh/core/transport-kit`. Runs in pages and in Node alike.
 */
export { channelsMax, firstMessageMs } from './channel-bounds.ts'
export { DataChannelPipe, farewellText } from './data-channel-pipe.ts'
export type { DataChannelOwner } from './data-channel-pipe.ts'
export { HandedOverChannel } from './handed-over-channel.ts'
export { localNetworkObstacle } from './local-network.ts'
export { distanceOfHost } from './network-distance.ts'
export { pipeMarks } from './pipe.ts'
export type { Pipe, PipeEvents } from './pipe.ts'
export { PipeChannel } from './pipe-channel.ts'
export { TransportRun } from './transport-run.ts'
export type { DialOutcome, StoppableChannel } from './transport-run.ts'
