/** Engine access: how the facade reaches its engine, in a worker or in its own process. */

import type {
  Command,
  CommandAnswer,
  CommandResults,
  MeshEvent,
  SubscriberId,
} from '../engine/command.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Problem } from '../engine/problem.ts'
import type { FailedDial } from '../driver/dial-log.ts'
import type { MeetingBroker } from '../driver/meeting-broker.ts'
import type { RecordPort } from '../driver/record-port.ts'
import type { StreamOrderPort } from '../driver/stream-orders.ts'

/** What an engine's side reports unasked: events, and its end as the last thing. */
export type EngineReport =
  | MeshEvent
  /** Changes of a live query were too many for a busy page: it is to be observed anew. */
  | { readonly type: 'rows-stale'; readonly subscriber: SubscriberId }
  /** The engine's store is closed. Without a problem it was asked to stop. */
  | { readonly type: 'ended'; readonly problem?: Problem }

/** To an engine in another thread: so many more of its reports have arrived. */
export interface ReportsTaken {
  readonly type: 'reports-taken'
  readonly count: number
}

/** See the file header. */
export interface EngineAccess {
  readonly peer: PeerId
  readonly reports: RecordPort<never, EngineReport>
  readonly streams: StreamOrderPort
  readonly meetings: MeetingBroker
  /** Dials that came to nothing, by address. */
  readonly failedDials: readonly FailedDial[]
  /** Never rejects in this process; rejects when the way to the engine is broken. */
  execute(command: Command): Promise<CommandAnswer>
  /** Lets the engine say farewell and close its store. */
  stop(): Promise<void>
  /** Lets go of ports, worker and transports. Whoever waits for an answer waits in vain. */
  release(): Promise<void>
  /** Called when the page goes away: what can be done at once. */
  abandon(): void
}

/** Commands as the facade's parts send them; rejects with `MeshError`. */
export interface CommandCaller {
  call<C extends Command>(command: C): Promise<CommandResults[C['type']]>
}
