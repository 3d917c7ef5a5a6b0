/**
 * A pipe as a channel: the contract of channels, kept once for all transports.
 *
 * A channel is closed for its owner as soon as either end says so, and gone when nothing of the
 * pipe is left; in between it lingers, within bounds, to send what was accepted.
 */

import type {
  ChannelCloseReason,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from '../transport/channel.ts'
import { ChannelInbox } from './channel-inbox.ts'
import type { Pipe } from './pipe.ts'
import type { StoppableChannel } from './transport-run.ts'

/** How long a closed channel may take to send what was accepted; then it is dropped. */
const lingerMs = 5000
/** The same while the transport is stopped, which waits for it. */
const stopLingerMs = 1000

export interface PipeChannelOptions {
  readonly pipe: Pipe
  readonly traits: ChannelTraits
  /** An accepted pipe must bring one message within this time, or is closed. */
  readonly firstMessageMs?: number
  /** Called once, when nothing of the pipe is left or waited for. */
  readonly gone: (channel: PipeChannel) => void
}

export class PipeChannel implements StoppableChannel {
  readonly traits: ChannelTraits
  readonly #pipe: Pipe
  readonly #inbox = new ChannelInbox()
  readonly #gone: Promise<void>
  #reportGone: () => void = () => undefined
  #awaitsDrain = false
  #firstMessageTimer: ReturnType<typeof setTimeout> | undefined
  #lingerTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: PipeChannelOptions) {
    const { pipe, traits, firstMessageMs, gone } = options
    this.#pipe = pipe
    this.traits = traits
    this.#gone = new Promise((resolve) => {
      this.#reportGone = () => {
        this.#reportGone = () => undefined
        clearTimeout(this.#firstMessageTimer)
        clearTimeout(this.#lingerTimer)
        gone(this)
        resolve()
      }
    })
    if (firstMessageMs !== undefined) {
      this.#firstMessageTimer = setTimeout(() => {
        this.#leave('protocol')
      }, firstMessageMs)
    }
    pipe.listen({
      message: (bytes) => {
        this.#receive(bytes)
      },
      drained: () => {
        this.#awaitsDrain = false
        this.#inbox.drained()
      },
      farewell: () => {
        this.#leave('remote')
      },
      broken: () => {
        this.#leave('protocol')
      },
      closed: (how) => {
        this.#inbox.close(how)
        this.#reportGone()
      },
    })
  }

  get bufferedBytes(): number {
    return this.#pipe.bufferedBytes
  }

  attach(handlers: ChannelHandlers): void {
    this.#inbox.attach(handlers)
  }

  send(bytes: Uint8Array): SendResult {
    if (this.#inbox.closed) return 'closed'
    if (bytes.length > this.traits.messageBytesMax) return 'too-large'
    if (bytes.length === 0) throw new RangeError('A message has at least one byte')
    if (this.#pipe.full) {
      if (!this.#awaitsDrain) {
        this.#awaitsDrain = true
        this.#pipe.awaitDrain()
      }
      return 'full'
    }
    this.#pipe.send(bytes)
    return 'accepted'
  }

  close(): void {
    this.#leave('local')
  }

  async stop(): Promise<void> {
    this.#leave('transport-stopped')
    const timer = setTimeout(() => {
      this.#drop()
    }, stopLingerMs)
    await this.#gone
    clearTimeout(timer)
  }

  #receive(bytes: Uint8Array | undefined): void {
    if (this.#firstMessageTimer !== undefined) {
      clearTimeout(this.#firstMessageTimer)
      this.#firstMessageTimer = undefined
    }
    if (!bytes || bytes.length === 0 || bytes.length > this.traits.messageBytesMax) {
      this.#leave('protocol')
    } else if (this.#inbox.receive(bytes) === 'overflow') this.#leave('protocol')
  }

  #leave(reason: ChannelCloseReason): void {
    if (this.#inbox.closed) return
    this.#inbox.close(reason)
    clearTimeout(this.#firstMessageTimer)
    this.#lingerTimer = setTimeout(() => {
      this.#drop()
    }, lingerMs)
    this.#pipe.close(reason)
  }

  #drop(): void {
    this.#pipe.destroy()
    this.#reportGone()
  }
}
