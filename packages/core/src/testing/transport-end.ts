/**
 * One end of a conformance test of transports: a transport, its host and its channels, driven by
 * calls whose arguments and results JSON can carry.
 *
 * So an end may live elsewhere than the suite: in a page, in another process. `localEnd` wraps a
 * transport; `remoteEnd` stands for an end to which the caller can only pass calls on.
 */

import type { ChannelCloseReason, SendResult } from '../transport/channel.ts'
import type { DialFailureReason } from '../transport/transport.ts'
import type { MessagePattern } from './message-pattern.ts'

/** Which channel of an end is meant: 0 for its first. */
export type ChannelNumber = number

export type DialResult =
  | { readonly type: 'open'; readonly channel: ChannelNumber }
  | { readonly type: 'failed'; readonly reason: DialFailureReason; readonly message: string }
  /** Rejected with the very reason of the signal. */
  | { readonly type: 'aborted' }
  | { readonly type: 'other'; readonly message: string }

/** A channel's traits; bytes in hex. */
export interface TraitsRecord {
  readonly messageBytesMax: number
  readonly reliable: boolean
  readonly ordered: boolean
  readonly encrypted: boolean
  readonly binding: string | null
  readonly costClass: string
  readonly metered: boolean
}

/** What a loop of sends met. */
export interface FillResult {
  readonly accepted: number
  /** What ended the loop; `accepted` when it was `messagesMax`. */
  readonly last: SendResult
  /** The most that `bufferedBytes` showed. */
  readonly bufferedBytesMax: number
  /** Whether a handler was called from inside `send`. */
  readonly reentered: boolean
}

/** What a channel's handlers heard; messages as prints. */
export interface ChannelLog {
  readonly received: readonly string[]
  readonly drainedCount: number
  readonly closed: readonly ChannelCloseReason[]
  /** Calls after `closed`. */
  readonly afterClosed: number
}

export interface SignalRecord {
  readonly peer: string
  readonly hex: string
}

export interface TransportEnd {
  /** Hex id of the peer whose end this is. */
  readonly peer: string
  start(): Promise<void>
  stop(): Promise<void>
  /** Addresses reported as found so far. */
  addressesFound(): Promise<string[]>
  /** Dials; `abort` gives up before the call or right after it. */
  dial(address: string, abort?: 'before' | 'after'): Promise<DialResult>
  /** The next channel that the other end opened. */
  accepted(): Promise<ChannelNumber>
  acceptedCount(): Promise<number>
  traits(channel: ChannelNumber): Promise<TraitsRecord>
  attach(channel: ChannelNumber): Promise<void>
  /** One `send` of the message at a position of a pattern. */
  send(channel: ChannelNumber, pattern: MessagePattern, position: number): Promise<SendResult>
  /** One `send` of no bytes at all: whether it threw. */
  sendNothing(channel: ChannelNumber): Promise<boolean>
  /** Sends a pattern in one go, without a pause, until something else than `accepted`. */
  fill(channel: ChannelNumber, pattern: MessagePattern): Promise<FillResult>
  /** Sends all of a pattern, waiting for `drained` whenever the channel is full. */
  sendAll(channel: ChannelNumber, pattern: MessagePattern): Promise<void>
  /** Waits for that many messages; returns the prints of all so far. */
  received(channel: ChannelNumber, count: number): Promise<readonly string[]>
  drained(channel: ChannelNumber): Promise<void>
  /** Attaches, and sends back every message from then on. */
  echo(channel: ChannelNumber): Promise<void>
  /**
   * Attaches, and sends messages of 100 bytes to an end that echoes, one after the other with a pause
   * between: how long each took, in ms.
   */
  roundTrips(channel: ChannelNumber, count: number, pauseMs: number): Promise<readonly number[]>
  close(channel: ChannelNumber, times?: number): Promise<void>
  closed(channel: ChannelNumber): Promise<ChannelCloseReason>
  log(channel: ChannelNumber): Promise<ChannelLog>
  /** Lets a channel go that is not asked about any more. */
  forget(channel: ChannelNumber): Promise<void>
  bufferedBytes(channel: ChannelNumber): Promise<number>
  /** The next signal to be carried; null when the end is stopped. */
  nextSignal(): Promise<SignalRecord | null>
  receiveSignal(peer: string, hex: string): Promise<void>
}

/** An end elsewhere: `call` carries a method's name and arguments there and brings the result. */
export function remoteEnd(
  peer: string,
  call: (method: string, args: readonly unknown[]) => Promise<unknown>,
): TransportEnd {
  return new Proxy({ peer } as TransportEnd, {
    get: (target, method) =>
      method in target || typeof method === 'symbol' || method === 'then'
        ? (Reflect.get(target, method) as unknown)
        : (...args: readonly unknown[]) => call(method, args),
  })
}

/** Holds ends where they live, and answers the calls of `remoteEnd` from elsewhere. */
export class EndServer {
  readonly #ends: TransportEnd[] = []

  /** Takes an end and returns the number by which it is called. */
  add(end: TransportEnd): number {
    return this.#ends.push(end) - 1
  }

  /** Calls a method of an end by name. */
  async call(end: number, method: string, args: readonly unknown[]): Promise<unknown> {
    const callable = this.#ends[end]?.[method as keyof TransportEnd]
    if (typeof callable !== 'function') throw new Error(`End ${end} has no method ${method}`)
    return await (Reflect.apply(callable, this.#ends[end], args) as unknown)
  }
}
