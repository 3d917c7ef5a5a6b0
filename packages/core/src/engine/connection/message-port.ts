/** What the upper layers see of virtual connections: messages in order, and latest-wins datagrams. */

import type { PeerId } from '../identity/peer-id.ts'
import type { Priority } from '../link/link-port.ts'

/** Largest message of a stream, in bytes: a change with all its parts fits. */
export const messageBytesMax = 16 * 1024 * 1024

/** `full`: nothing was taken, `stream-writable` follows. */
export type MessageSendResult = 'accepted' | 'full' | 'no-connection'

export interface MessagePort {
  /**
   * Queues one message on the stream of that priority; reliable and in order while the connection
   * lives. A stream takes messages while it holds less than 1 MiB unsent.
   */
  send(peer: PeerId, stream: Priority, message: Uint8Array, nowMs: number): MessageSendResult
  /**
   * Sends a datagram of at most 64 KiB that may be lost; one with the same `key` that has not left
   * yet is replaced by it.
   */
  sendDatagram(peer: PeerId, key: string, payload: Uint8Array, nowMs: number): void
}
