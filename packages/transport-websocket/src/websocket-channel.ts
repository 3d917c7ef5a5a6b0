/** One WebSocket as a channel. */

import type {
  ChannelCloseReason,
  ChannelCost,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from '@fieldmesh/core/transport'
import { ChannelInbox } from '@fieldmesh/core/transport-kit'
import type { StoppableChannel } from '@fieldmesh/core/transport-kit'
import { closeCodes, messageBytesMax } from './websocket-wire.ts'
import type { WebSocketWire } from './websocket-wire.ts'

/** Bytes buffered from which on `send` answers `full`. */
const highMarkBytes = 256 * 1024
/** Bytes buffered at which `drained` follows. */
const lowMarkBytes = 64 * 1024
/** How long a closed channel may take to send what was accepted; then it is dropped. */
const lingerMs = 5000
/** The same while the transport is stopped, which waits for it. */
const stopLingerMs = 1000

export interface WebSocketChannelOptions {
  readonly wire: WebSocketWire
  readonly costClass: ChannelCost['class']
  /** An accepted socket must bring one whole message within this time. */
  readonly firstMessageMs?: number
  /** Called once nothing of the socket is left. */
  readonly gone: (channel: WebSocketChannel) => void
}

export class WebSocketChannel implements StoppableChannel {
  readonly traits: ChannelTraits
  readonly #wire: WebSocketWire
  readonly #inbox = new ChannelInbox()
  readonly #closed: Promise<void>
  #awaitsDrain = false
  #firstMessageTimer: ReturnType<typeof setTimeout> | undefined
  #lingerTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: WebSocketChannelOptions) {
    const { wire, costClass, firstMessageMs, gone } = options
    this.#wire = wire
    this.traits = {
      messageBytesMax,
      reliable: true,
      ordered: true,
      // A wss:// URL is encrypted, but to an end that neither side can name in a binding.
      encrypted: false,
      cost: { class: costClass, metered: false },
    }
    this.#closed = new Promise((resolve) => {
      wire.listen({
        message: (bytes) => {
          this.#receive(bytes)
        },
        broken: () => {
          this.#leave('protocol')
        },
        closed: (clean) => {
          clearTimeout(this.#firstMessageTimer)
          clearTimeout(this.#lingerTimer)
          this.#inbox.close(clean ? 'remote' : 'lost')
          gone(this)
          resolve()
        },
      })
    })
    if (firstMessageMs !== undefined) {
      this.#firstMessageTimer = setTimeout(() => {
        this.#leave('protocol')
      }, firstMessageMs)
    }
  }

  get bufferedBytes(): number {
    return this.#wire.bufferedBytes
  }

  attach(handlers: ChannelHandlers): void {
    this.#inbox.attach(handlers)
  }

  send(bytes: Uint8Array): SendResult {
    if (this.#inbox.closed) return 'closed'
    if (bytes.length > messageBytesMax) return 'too-large'
    if (bytes.length === 0) throw new RangeError('A message has at least one byte')
    if (this.#wire.bufferedBytes >= highMarkBytes) {
      this.#awaitDrain()
      return 'full'
    }
    this.#wire.send(bytes)
    return 'accepted'
  }

  close(): void {
    this.#leave('local')
  }

  async stop(): Promise<void> {
    this.#leave('transport-stopped')
    let timer: ReturnType<typeof setTimeout> | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#wire.destroy()
        resolve()
      }, stopLingerMs)
    })
    await Promise.race([this.#closed, patience])
    clearTimeout(timer)
  }

  #awaitDrain(): void {
    if (this.#awaitsDrain) return
    this.#awaitsDrain = true
    this.#wire.onceBelow(lowMarkBytes, () => {
      this.#awaitsDrain = false
      this.#inbox.drained()
    })
  }

  #receive(bytes: Uint8Array | undefined): void {
    clearTimeout(this.#firstMessageTimer)
    if (!bytes || bytes.length === 0 || bytes.length > messageBytesMax) this.#leave('protocol')
    else if (this.#inbox.receive(bytes) === 'overflow') this.#leave('protocol')
  }

  #leave(reason: ChannelCloseReason): void {
    if (this.#inbox.closed) return
    this.#inbox.close(reason)
    clearTimeout(this.#firstMessageTimer)
    this.#wire.close(reason === 'protocol' ? closeCodes.protocol : closeCodes.normal)
    this.#lingerTimer = setTimeout(() => {
      this.#wire.destroy()
    }, lingerMs)
  }
}
