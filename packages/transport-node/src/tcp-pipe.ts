/** One TCP connection as a pipe. */

import type { Socket } from 'node:net'
import type { ChannelCloseReason } from '@fieldmesh/core/transport'
import { pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import { encodeHeader, farewell, TcpFrameReader } from './tcp-framing.ts'

/** Silence after which the system probes whether the other end is there. Links probe much sooner. */
const keepAliveMs = 30_000

export class TcpPipe implements Pipe {
  readonly #socket: Socket
  readonly #reader = new TcpFrameReader()
  #events: PipeEvents | undefined
  #awaitsDrain = false

  /** The socket must be connected. */
  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    // What an error means is told by the close that follows it.
    socket.on('error', () => undefined)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  get full(): boolean {
    return this.#socket.writableLength >= pipeMarks.fullBytes
  }

  listen(events: PipeEvents): void {
    this.#events = events
    this.#socket.on('data', (piece) => {
      this.#read(piece, events)
    })
    this.#socket.once('close', () => {
      // A farewell would have been told before.
      events.closed('lost')
    })
  }

  send(bytes: Uint8Array): void {
    // Header and message leave in one system call.
    this.#socket.cork()
    this.#socket.write(encodeHeader(bytes.length))
    this.#socket.write(bytes, () => {
      if (!this.#awaitsDrain || this.#socket.writableLength > pipeMarks.drainedBytes) return
      this.#awaitsDrain = false
      this.#events?.drained()
    })
    this.#socket.uncork()
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
  }

  close(reason: ChannelCloseReason): void {
    // Whoever broke the rules has no claim to good order.
    if (reason === 'protocol') this.#socket.destroy()
    else this.#socket.end(farewell)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(piece: Uint8Array, events: PipeEvents): void {
    for (const frame of this.#reader.read(piece)) {
      switch (frame.type) {
        case 'message':
          events.message(frame.bytes)
          break
        case 'farewell':
          events.farewell()
          break
        case 'broken':
          events.broken()
          break
      }
    }
  }
}
