/**
 * What the transports of this project share, for whoever writes another:
 * `@fieldmesh/core/transport-kit`. Runs in pages and in Node alike.
 */
export { ChannelInbox } from './channel-inbox.ts'
export { distanceOfHost } from './network-distance.ts'
export { TransportRun } from './transport-run.ts'
export type { DialOutcome, StoppableChannel } from './transport-run.ts'
