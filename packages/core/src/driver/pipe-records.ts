/**
 * Pipe records: what the transports' side and the engine's side say to each other of pipes that are
 * handed over. Two ports of one page and one worker; a record may overtake one of the transport port.
 */

import type { PipeId } from '../transport/hand-over.ts'
import type { RecordPort } from './record-port.ts'

/** From the transports' side. */
export type PipeOrder =
  /** Travels by `transfer`, with the data channel itself. */
  | {
      readonly type: 'pipe-handed-over'
      readonly pipe: PipeId
      readonly dataChannel: object
      readonly messageBytesMax: number
    }
  /** Close it in good order; `pipe-gone` follows. */
  | {
      readonly type: 'pipe-close'
      readonly pipe: PipeId
      readonly reason: 'local' | 'transport-stopped'
    }
  /** What carried it has ended. */
  | { readonly type: 'pipe-destroy'; readonly pipe: PipeId }

/** From the engine's side. */
export type PipeReport =
  /** It has arrived. */
  | { readonly type: 'pipe-adopted'; readonly pipe: PipeId }
  | { readonly type: 'pipe-opened'; readonly pipe: PipeId }
  /** Nothing of it is left; nothing follows. */
  | { readonly type: 'pipe-gone'; readonly pipe: PipeId }

/** The transports' end of the port. */
export type PipeOrderPort = RecordPort<PipeOrder, PipeReport>
/** The engine's end. */
export type PipeReportPort = RecordPort<PipeReport, PipeOrder>
