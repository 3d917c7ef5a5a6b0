/** The WebSocket of Node, by the package `ws`: it tells when bytes have left, and can be bounded. */

import { DialFailure } from '@fieldmesh/core/transport'
import type { ChannelCloseReason, DialFailureReason } from '@fieldmesh/core/transport'
import { pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import { closeCodeOf, isFarewell, messageBytesMax, subprotocol } from './websocket-protocol.ts'
import type { ConnectEvents } from './websocket-protocol.ts'

/** Options of every `ws` socket, of clients and of the listener. */
export const wsOptions = {
  // Messages are ciphertext: compressing them costs time and memory and wins nothing.
  perMessageDeflate: false,
  // A longer message is refused when its header has arrived, before any of it is held.
  maxPayload: messageBytesMax,
} as const satisfies ClientOptions

/** Begins to open a WebSocket from Node. */
export function connectWs(url: URL, events: ConnectEvents): () => void {
  const socket = new WebSocket(url, subprotocol, wsOptions)
  const fail = (error: Error) => {
    events.failed(
      new DialFailure(reasonOf(error), `${url.href} was not reached: ${error.message}`, {
        cause: error,
      }),
    )
  }
  socket.on('error', fail)
  socket.once('open', () => {
    socket.off('error', fail)
    events.opened(new WsPipe(socket))
  })
  return () => {
    socket.off('error', fail)
    // A socket that is dropped while it connects reports that as an error.
    socket.on('error', () => undefined)
    socket.terminate()
  }
}

/** An open socket of `ws`, dialled or accepted. */
export class WsPipe implements Pipe {
  readonly #socket: WebSocket
  #events: PipeEvents | undefined
  #awaitsDrain = false

  constructor(socket: WebSocket) {
    this.#socket = socket
    // Fresh memory for each message: the receiver owns it.
    socket.binaryType = 'arraybuffer'
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  get full(): boolean {
    return this.#socket.bufferedAmount >= pipeMarks.fullBytes
  }

  listen(events: PipeEvents): void {
    this.#events = events
    this.#socket.on('message', (data: unknown, isBinary) => {
      events.message(isBinary && data instanceof ArrayBuffer ? new Uint8Array(data) : undefined)
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // Errors of the system are told by the close that follows them.
      if (error.code?.startsWith('WS_ERR')) events.broken()
    })
    this.#socket.once('close', (code) => {
      events.closed(isFarewell(code) ? 'remote' : 'lost')
    })
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, { binary: true }, () => {
      if (!this.#awaitsDrain || this.#socket.bufferedAmount > pipeMarks.drainedBytes) return
      this.#awaitsDrain = false
      this.#events?.drained()
    })
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
  }

  close(reason: ChannelCloseReason): void {
    this.#socket.close(closeCodeOf(reason))
  }

  destroy(): void {
    this.#socket.terminate()
  }
}

function reasonOf(error: NodeJS.ErrnoException): DialFailureReason {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ECONNRESET':
      return 'refused'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'EACCES':
    case 'EPERM':
      return 'not-permitted'
    case undefined:
      // What `ws` finds itself has no code: an answer that is no WebSocket of ours.
      return 'refused'
    default:
      return 'unreachable'
  }
}
