/** One TCP connection as a channel. Every socket ends in `#gone`, and nowhere else. */

import type { Socket } from 'node:net'
import { ChannelInbox, distanceOfHost } from '@fieldmesh/core/transport-kit'
import type { StoppableChannel } from '@fieldmesh/core/transport-kit'
import type {
  ChannelCloseReason,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from '@fieldmesh/core/transport'
import { encodeHeader, farewell, messageBytesMax, TcpFrameReader } from './tcp-framing.ts'

/** Bytes waiting for the system from which on `send` answers `full`: four messages of full size. */
const highMarkBytes = 256 * 1024
/** Bytes waiting at which `drained` follows: early enough that the system never runs dry. */
const lowMarkBytes = 64 * 1024
/** How long a closed channel may take to send what was accepted; then the socket is destroyed. */
const lingerMs = 5000
/** The same while the transport is stopped, which waits for it. */
const stopLingerMs = 1000
/** Silence after which the system probes whether the other end is there. Links probe much sooner. */
const keepAliveMs = 30_000

export interface TcpChannelOptions {
  readonly socket: Socket
  /** An accepted socket must bring one whole message within this time. Dialled ones need not. */
  readonly firstMessageMs?: number
  /** Called once nothing of the socket is left. */
  readonly gone: (channel: TcpChannel) => void
}

export class TcpChannel implements StoppableChannel {
  readonly traits: ChannelTraits
  readonly #socket: Socket
  readonly #reader = new TcpFrameReader()
  readonly #inbox = new ChannelInbox()
  readonly #closed: Promise<void>
  #owesDrained = false
  #saidFarewell = false
  #firstMessageTimer: NodeJS.Timeout | undefined
  #lingerTimer: NodeJS.Timeout | undefined

  /** The socket must be connected, with no listeners of its own. */
  constructor(options: TcpChannelOptions) {
    const { socket, firstMessageMs, gone } = options
    this.#socket = socket
    this.traits = {
      messageBytesMax,
      reliable: true,
      ordered: true,
      encrypted: false,
      cost: { class: distanceOfHost(socket.remoteAddress ?? ''), metered: false },
    }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    socket.on('data', (piece) => {
      this.#read(piece)
    })
    // What an error means is told by the close that follows it.
    socket.on('error', () => undefined)
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(this.#firstMessageTimer)
        clearTimeout(this.#lingerTimer)
        this.#inbox.close(this.#saidFarewell ? 'remote' : 'lost')
        gone(this)
        resolve()
      })
    })
    if (firstMessageMs !== undefined) {
      this.#firstMessageTimer = setTimeout(() => {
        this.#abandon('protocol')
      }, firstMessageMs)
    }
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  attach(handlers: ChannelHandlers): void {
    this.#inbox.attach(handlers)
  }

  send(bytes: Uint8Array): SendResult {
    if (this.#inbox.closed) return 'closed'
    if (bytes.length > messageBytesMax) return 'too-large'
    if (bytes.length === 0) throw new RangeError('A message has at least one byte')
    if (this.#socket.writableLength >= highMarkBytes) {
      this.#owesDrained = true
      return 'full'
    }
    // Header and message leave in one system call.
    this.#socket.cork()
    this.#socket.write(encodeHeader(bytes.length))
    this.#socket.write(bytes, () => {
      this.#written()
    })
    this.#socket.uncork()
    return 'accepted'
  }

  close(): void {
    this.#leave('local')
  }

  async stop(): Promise<void> {
    this.#leave('transport-stopped')
    const timer = setTimeout(() => {
      this.#socket.destroy()
    }, stopLingerMs)
    await this.#closed
    clearTimeout(timer)
  }

  #written(): void {
    if (!this.#owesDrained || this.#socket.writableLength > lowMarkBytes) return
    this.#owesDrained = false
    this.#inbox.drained()
  }

  #read(piece: Uint8Array): void {
    for (const frame of this.#reader.read(piece)) {
      switch (frame.type) {
        case 'message':
          clearTimeout(this.#firstMessageTimer)
          if (this.#inbox.receive(frame.bytes) === 'overflow') this.#abandon('protocol')
          break
        case 'farewell':
          this.#saidFarewell = true
          this.#leave('remote')
          break
        case 'broken':
          this.#abandon('protocol')
          break
      }
    }
  }

  /** Ends in good order: what was accepted, a farewell, the end of the stream. */
  #leave(reason: ChannelCloseReason): void {
    if (this.#inbox.closed) return
    this.#inbox.close(reason)
    clearTimeout(this.#firstMessageTimer)
    this.#socket.end(farewell)
    this.#lingerTimer = setTimeout(() => {
      this.#socket.destroy()
    }, lingerMs)
  }

  /** Ends at once: the other end has lost its claim to good order. */
  #abandon(reason: ChannelCloseReason): void {
    this.#inbox.close(reason)
    this.#socket.destroy()
  }
}
