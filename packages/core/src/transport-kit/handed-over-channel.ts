/**
 * A channel whose pipe was handed over: what its transport keeps to close it by.
 *
 * Its bytes and events are at the engine's side; nothing here carries any.
 */

import type { ChannelTraits, SendResult } from '../transport/channel.ts'
import type { HandedOverPipe, PipeId } from '../transport/hand-over.ts'
import type { StoppableChannel } from './transport-run.ts'

/** How long the engine's side may take to close while the transport is stopped: its own is 1 s. */
const stopMsMax = 2000

export interface HandedOverChannelOptions {
  readonly pipe: HandedOverPipe
  readonly traits: ChannelTraits
  /** Called once, when nothing of the pipe is left. */
  readonly gone: (channel: HandedOverChannel) => void
}

export class HandedOverChannel implements StoppableChannel {
  readonly traits: ChannelTraits
  readonly handedOver: PipeId
  /** What waits is at the engine's side. */
  readonly bufferedBytes = 0
  readonly #pipe: HandedOverPipe
  readonly #gone: Promise<void>

  constructor({ pipe, traits, gone }: HandedOverChannelOptions) {
    this.traits = traits
    this.handedOver = pipe.id
    this.#pipe = pipe
    this.#gone = pipe.gone.then(() => gone(this))
  }

  attach(): void {
    // The engine's side hears of everything.
  }

  send(): SendResult {
    return 'closed'
  }

  close(): void {
    this.#pipe.close('local')
  }

  async stop(): Promise<void> {
    this.#pipe.close('transport-stopped')
    // The other thread may be gone, and answers nothing then.
    const timer = setTimeout(() => this.#pipe.destroy(), stopMsMax)
    await this.#gone
    clearTimeout(timer)
  }
}
