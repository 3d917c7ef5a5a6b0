/**
 * Credit over all streams of applications, both ways (rule ST7). The well-known streams are apart, so
 * that an application that reads slowly never holds up sync or signalling.
 */

import type { CloseCode } from './connection-output.ts'
import { streamWindowBytes } from './receive-stream.ts'
import { ReceiveWindow } from './receive-window.ts'

/** Two streams may use their first windows in full at once. */
export const connectionWindowBytes = 2 * streamWindowBytes

/** 2 MiB: bounds what all applications' streams together may hold in memory, gaps and unread. */
export const connectionWindowBytesMax = 2 * 1024 * 1024

/** Sums of offsets of one connection. */
export class ConnectionCredit {
  /** What the peer may send. */
  readonly window = new ReceiveWindow(connectionWindowBytes, connectionWindowBytesMax)
  #receivedBytes = 0
  /** What this end may send. */
  #limit: number
  #sentBytes = 0

  /** `limit`: the peer's first credit. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes never sent before that may be sent now. */
  get unusedBytes(): number {
    return this.#limit - this.#sentBytes
  }

  /** Bytes are sent for the first time. */
  sent(bytes: number): void {
    this.#sentBytes += bytes
  }

  /** The peer allows that much; limits never shrink. */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  /** The peer has reached new offsets. */
  received(bytes: number): CloseCode | undefined {
    this.#receivedBytes += bytes
    return this.#receivedBytes > this.window.limit ? 'flow-control' : undefined
  }
}
