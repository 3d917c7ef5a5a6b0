/**
 * Stream orders and reports: what the application's side of streams and its engine say to each other
 * across the boundary of threads.
 *
 * They have a port of their own, so that the answer to an opening and what happens to the stream
 * stay in order. Both directions carry credit, which bounds what is on the way: written bytes stay
 * within `streamWriteBytesMax` beyond what `stream-drained` reported, received ones within the window
 * of the stream, which `stream-consumed` moves on.
 */

import type { Input } from '../engine/input.ts'
import type { StreamHandle } from '../engine/connection/stream-port.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import type { Priority } from '../engine/link/link-port.ts'
import type { ApplicationStreamEvent } from '../engine/output.ts'
import type { Problem } from '../engine/problem.ts'
import type { RecordPort } from './record-port.ts'

/** Names an opening until it is answered; chosen by the application's side. */
export type OpeningId = number

/** From the application's side. */
export type StreamOrder =
  /** Answered by `open-answered`; waits for a connection `patienceMs` at the most. */
  | {
      readonly type: 'open-stream'
      readonly opening: OpeningId
      readonly peer: PeerId
      readonly protocol: string
      readonly priority: Priority
      readonly patienceMs: number
    }
  | StreamInput

/** What of it is the engine's to handle as it is. */
export type StreamInput = Extract<
  Input,
  { type: 'stream-written' | 'stream-consumed' | 'stream-reset' | 'stream-stopped' }
>

/** From the engine's side. */
export type StreamReport =
  | {
      readonly type: 'open-answered'
      readonly opening: OpeningId
      readonly outcome:
        | { readonly ok: true; readonly stream: StreamHandle }
        | { readonly ok: false; readonly problem: Problem }
    }
  | ApplicationStreamEvent

/** The application's end of the port. */
export type StreamOrderPort = RecordPort<StreamOrder, StreamReport>
/** The engine's end. */
export type StreamReportPort = RecordPort<StreamReport, StreamOrder>
