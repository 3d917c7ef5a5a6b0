/**
 * The transport port: what engine and transports say to each other across the boundary of threads.
 *
 * Both directions carry credit. The engine sends at most `channelSendBytesMax` beyond what
 * `channel-drained` reported; the driver reports with `channel-processed` what of the received bytes
 * the engine has dealt with. A channel cannot pause its other end, so one that gets further ahead of
 * the engine than its share (`unprocessedShareBytes`) is closed.
 */

import type { ChannelId, Input } from '../engine/input.ts'
import type { Output } from '../engine/output.ts'
import type { PipeId } from '../transport/hand-over.ts'
import type { RecordPort } from './record-port.ts'

/**
 * Received bytes of one channel that wait for the engine: 16 MiB, a message of the largest kind.
 * Beyond, the channel is closed and counted: its other end ignores the credit of the link above.
 */
export const unprocessedBytesMax = 16 * 1024 * 1024
/** The same of all channels, which share it while they are many … */
export const unprocessedInAllBytesMax = 64 * 1024 * 1024
/** … down to what the credit of a link lets its other end send, and as much again. */
export const unprocessedShareBytesMin = 512 * 1024

/** What each of so many channels may have received that waits for the engine, in bytes. */
export function unprocessedShareBytes(channelCount: number): number {
  const share = unprocessedInAllBytesMax / Math.max(1, channelCount)
  return Math.min(unprocessedBytesMax, Math.max(unprocessedShareBytesMin, share))
}

/**
 * What a received message counts for besides its bytes: 64, about what its record and buffer take on
 * the way, so that a flood of tiny messages is bounded too.
 */
export const messageOverheadBytes = 64

/**
 * Channels open at once, over all transports: as many as the engine's links admit; each transport
 * has its own, lower bound. Beyond, an accepted channel is closed at once and counted.
 */
export const channelCountMax = 1024

/** Longest signal, in bytes; longer ones are refused in both directions. */
export const signalBytesMax = 16 * 1024

/**
 * Signals from other peers that the transports' side has not taken: 256, 4 MiB. Beyond, they are
 * dropped and counted; nobody can fill the memory of a page that is busy with them.
 */
export const untakenSignalsMax = 256

/** From the engine's side: what to do with transports. */
export type TransportOrder =
  | Extract<
      Output,
      { type: 'dial' | 'cancel-dial' | 'channel-send' | 'close-channel' | 'signal-received' }
    >
  /**
   * Credit: how many received bytes of the channel have been dealt with, in all, each message counted
   * with `messageOverheadBytes` more.
   */
  | {
      readonly type: 'channel-processed'
      readonly channel: ChannelId
      readonly processedBytes: number
    }
  /** Stop every transport; answered by `transports-stopped`. */
  | { readonly type: 'stop-transports' }

/** What the engine learns from transports. */
export type TransportInput = Extract<
  Input,
  {
    type:
      | 'transport-started'
      | 'transport-stopped'
      | 'address-found'
      | 'address-lost'
      | 'network-changed'
      | 'channel-opened'
      | 'channel-received'
      | 'channel-drained'
      | 'channel-closed'
      | 'dial-failed'
      | 'signal-sent'
  }
>

/** A channel has opened; with a pipe, its bytes are at the engine's side already (adopting-port.ts). */
export type ChannelOpened = Extract<TransportInput, { type: 'channel-opened' }> & {
  readonly pipe?: PipeId
}

/** From the transports' side: inputs for the engine, and notices for its driver. */
export type TransportReport =
  | Exclude<TransportInput, { type: 'channel-opened' }>
  | ChannelOpened
  | { readonly type: 'transport-failed'; readonly transport: string; readonly message: string }
  | {
      readonly type: 'channel-overrun'
      readonly channel: ChannelId
      readonly unprocessedBytes: number
    }
  | { readonly type: 'channel-refused'; readonly transport: string }
  /** The bytes of a channel that opens now come to the engine without passing the transports' side. */
  | { readonly type: 'channel-adopted'; readonly channel: ChannelId }
  /** So many more signals have been handed to their transports. */
  | { readonly type: 'signals-taken'; readonly count: number }
  /** Every transport is gone: nothing follows. */
  | { readonly type: 'transports-stopped' }

/** The engine's end of the port. */
export type TransportPort = RecordPort<TransportOrder, TransportReport>
/** The transports' end. */
export type BrokerPort = RecordPort<TransportReport, TransportOrder>
