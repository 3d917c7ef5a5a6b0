/**
 * What the channel needs of a WebSocket: the browser's own and that of `ws` differ in how they
 * tell that buffered bytes have left, and in how they are destroyed.
 */

import type { DialFailure } from '@fieldmesh/core/transport'

/** Both ends must name it: whoever speaks WebSocket for another purpose is refused early. */
export const subprotocol = 'fieldmesh.1'

/** Largest message, in bytes: what fits into one frame of a link. A longer one ends the channel. */
export const messageBytesMax = 64 * 1024

/** Close codes (RFC 6455, section 7.4): pages may send 1000 and those from 3000 on. */
export const closeCodes = { normal: 1000, protocol: 4002 } as const

/** What a wire reports. Called from the event loop. */
export interface WebSocketEvents {
  /** `undefined` for a message that is text. */
  message(bytes: Uint8Array | undefined): void
  /** The other end broke the protocol of WebSockets or its bounds; `closed` follows. */
  broken(): void
  /** Nothing of the socket is left; `clean` when both ends said goodbye. */
  closed(clean: boolean): void
}

/** An open WebSocket. */
export interface WebSocketWire {
  readonly bufferedBytes: number
  /** Takes the listener, once, in the task in which the socket was opened. */
  listen(events: WebSocketEvents): void
  send(bytes: Uint8Array): void
  /** Calls back once when no more than `bytes` are buffered, never from inside. */
  onceBelow(bytes: number, callback: () => void): void
  /** Says goodbye after what was sent. */
  close(code: number): void
  /** Drops the connection as far as the platform allows. */
  destroy(): void
}

/** How a connector reports its outcome, once. */
export interface ConnectEvents {
  opened(wire: WebSocketWire): void
  failed(failure: DialFailure): void
}

/** Begins to open a WebSocket; the result gives it up without a trace. */
export type WebSocketConnector = (url: URL, events: ConnectEvents) => () => void
