/** A packet that was sent and asks for an acknowledgement, and the flow that it is counted in. */

import { priorities } from '../link/link-port.ts'
import type { Report } from './received-packets.ts'
import type { StreamPiece } from './send-stream.ts'

/** What of a packet has to be sent again when it is lost, or forgotten when it arrives. */
export type SentFrame =
  | { readonly type: 'stream'; readonly stream: number; readonly piece: StreamPiece }
  | { readonly type: 'connection-credit' }
  | { readonly type: 'stream-allowance' }
  | { readonly type: 'stream-credit'; readonly stream: number }
  | { readonly type: 'reset-stream'; readonly stream: number }
  | { readonly type: 'stop-sending'; readonly stream: number }
  | { readonly type: 'acknowledgement'; readonly report: Report }

export interface SentPacket {
  readonly number: number
  /** Priority in the mesh, 0 first. */
  readonly rank: number
  readonly bytes: number
  readonly frames: readonly SentFrame[]
  /** When it was handed to the mesh; undefined while the mesh refuses it. */
  sentAtMs: number | undefined
  /** Place among the packets of its rank. */
  sequence: number
  /** Which of the connection's paths it was sent on, counted from 0. */
  path: number
  /** Under way, or what became of it. */
  state: 'held' | 'sent' | 'arrived' | 'lost'
}

/** Packets share window, round trip and fate with those of their flow (rule RC14). */
export type Flow = 0 | 1

/** Of what people wait for. */
export const foregroundFlow: Flow = 0

/** Of bulk. */
export const bulkFlow: Flow = 1

/** Every flow, the first served first. */
export const flows: readonly Flow[] = [foregroundFlow, bulkFlow]

/** Rank of bulk, which has a flow of its own. */
export const bulkRank = priorities.indexOf('bulk')

/** Rank of what a person waits for this moment; control goes before it. */
export const interactiveRank = priorities.indexOf('interactive')

/** The flow of a packet with that priority in the mesh. */
export function flowOf(rank: number): Flow {
  return rank === bulkRank ? bulkFlow : foregroundFlow
}
