/**
 * A channel under the broker: sends in order what the engine ordered, and keeps both credits.
 *
 * What the channel answers with `full` waits here; the engine's credit bounds it. Drained means
 * accepted by the channel, whose own buffer its transport bounds.
 */

import type { Channel, ChannelCloseReason } from '../transport/channel.ts'
import { messageOverheadBytes } from './transport-port.ts'

/** What a brokered channel tells its broker. */
export interface BrokeredChannelHandlers {
  received(bytes: Uint8Array): void
  /** The channel accepted more: that many bytes in all. */
  drained(drainedBytes: number): void
  /** It delivered `unprocessedBytes`, overhead included, beyond what was processed: it is closed. */
  overrun(unprocessedBytes: number): void
  closed(reason: ChannelCloseReason): void
}

/** See the file header. */
export class BrokeredChannel {
  readonly #channel: Channel
  readonly #handlers: BrokeredChannelHandlers
  readonly #unprocessedBytesMax: () => number
  #waiting: Uint8Array[] = []
  #drainedBytes = 0
  #receivedBytes = 0
  #processedBytes = 0
  /** `closing`: ordered to close once what waits is accepted. */
  #state: 'open' | 'closing' | 'closed' = 'open'

  /** `unprocessedBytesMax` says how far the channel may get ahead of the engine at that moment. */
  constructor(
    channel: Channel,
    unprocessedBytesMax: () => number,
    handlers: BrokeredChannelHandlers,
  ) {
    this.#channel = channel
    this.#handlers = handlers
    this.#unprocessedBytesMax = unprocessedBytesMax
  }

  /** Begins to deliver. */
  attach(): void {
    this.#channel.attach({
      received: (bytes) => this.#received(bytes),
      drained: () => this.#sendWaiting(),
      closed: (reason) => {
        this.#state = 'closed'
        this.#waiting = []
        this.#handlers.closed(reason)
      },
    })
  }

  send(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#waiting.push(bytes)
    if (this.#waiting.length === 1) this.#sendWaiting()
  }

  /** The engine has dealt with that many received bytes, in all. */
  processed(processedBytes: number): void {
    this.#processedBytes = processedBytes
  }

  /** Closes after what was sent. */
  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    if (this.#waiting.length === 0) this.#channel.close()
  }

  /** Closes without waiting for anything. */
  closeNow(): void {
    if (this.#state === 'closed') return
    this.#state = 'closing'
    this.#waiting = []
    this.#channel.close()
  }

  #received(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#receivedBytes += bytes.length + messageOverheadBytes
    const unprocessedBytes = this.#receivedBytes - this.#processedBytes
    if (unprocessedBytes > this.#unprocessedBytesMax()) {
      if (this.#state === 'open') this.#handlers.overrun(unprocessedBytes)
      this.closeNow()
      return
    }
    this.#handlers.received(bytes)
  }

  #sendWaiting(): void {
    let takenCount = 0
    let isFull = false
    const drainedBefore = this.#drainedBytes
    for (const bytes of this.#waiting) {
      const result = this.#channel.send(bytes)
      isFull = result === 'full'
      if (isFull) break
      takenCount += 1
      // `closed`: its close event is on the way. `too-large` never happens to a link that reads the
      // traits; either way the message is gone and its credit comes back.
      this.#drainedBytes += bytes.length
    }
    this.#waiting.splice(0, takenCount)
    if (this.#drainedBytes > drainedBefore) this.#handlers.drained(this.#drainedBytes)
    if (!isFull && this.#state === 'closing') this.#channel.close()
  }
}
