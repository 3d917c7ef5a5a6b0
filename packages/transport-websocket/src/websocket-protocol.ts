/** What both halves of the transport say on the wire, and how sockets come to be open. */

import type { ChannelCloseReason, DialFailure } from '@fieldmesh/core/transport'
import type { Pipe } from '@fieldmesh/core/transport-kit'

/** Both ends must name it: whoever speaks WebSocket for another purpose is refused early. */
export const subprotocol = 'fieldmesh.1'

/** Largest message, in bytes: what fits into one frame of a link. A longer one ends the channel. */
export const messageBytesMax = 64 * 1024

/** The close code (RFC 6455, section 7.4): pages may send 1000 and those from 3000 on. */
export function closeCodeOf(reason: ChannelCloseReason): number {
  return reason === 'protocol' ? 4002 : 1000
}

/** Whether a close code was sent by the other end: 1006 stands for none (section 7.1.5). */
export function isFarewell(closeCode: number): boolean {
  return closeCode !== 1006
}

/** How a connector reports its outcome, once. */
export interface ConnectEvents {
  opened(pipe: Pipe): void
  failed(failure: DialFailure): void
}

/** Begins to open a WebSocket; the result gives it up without a trace. */
export type WebSocketConnector = (url: URL, events: ConnectEvents) => () => void
