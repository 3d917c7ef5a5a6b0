/**
 * A WebRTC data channel as a pipe, in a page or in the worker that it was handed over to.
 *
 * Whoever closes says farewell in a text message, after the last message, and is answered by
 * another: the closing of a data channel would say the same, but implementations differ in what
 * they make of it and of the connection's end right after. A message, where it arrives, is
 * understood.
 */

import type { Pipe, PipeEvents } from './pipe.ts'
import { pipeMarks } from './pipe.ts'

/** The goodbye of both ends. */
export const farewellText = 'farewell'

/** Who has the connection under the data channel. */
export interface DataChannelOwner {
  /** Messages come from now on; whoever listens is to do so in this call. */
  opened(): void
  /** Called once: the pipe is over, and nothing of the connection is needed any more. */
  over(): void
}

export class DataChannelPipe implements Pipe {
  readonly #data: RTCDataChannel
  readonly #owner: DataChannelOwner
  #events: PipeEvents | undefined
  #saidFarewell = false
  #isOver = false

  constructor(data: RTCDataChannel, owner: DataChannelOwner) {
    this.#data = data
    this.#owner = owner
    data.binaryType = 'arraybuffer'
    data.bufferedAmountLowThreshold = pipeMarks.drainedBytes
    data.onopen = () => owner.opened()
    data.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data)
    data.onbufferedamountlow = () => this.#events?.drained()
    data.onclose = () => this.lose()
  }

  get bufferedBytes(): number {
    return this.#data.bufferedAmount
  }

  get full(): boolean {
    return this.bufferedBytes >= pipeMarks.fullBytes
  }

  listen(events: PipeEvents): void {
    this.#events = events
  }

  send(bytes: Uint8Array): void {
    // The engine's bytes never lie in shared memory, which alone the type would allow besides.
    this.#send(bytes as Uint8Array<ArrayBuffer>)
  }

  awaitDrain(): void {
    // The event of the data channel comes by itself.
  }

  close(): void {
    if (this.#isOver || this.#saidFarewell) return
    this.#saidFarewell = true
    this.#send(farewellText)
    // Whoever is answered need not wait for more; whoever answers waits for the other to go.
  }

  /** The connection has ended: what is still to be reported is. */
  lose(): void {
    if (this.#isOver) return
    this.destroy()
    // A farewell would have been told before.
    this.#events?.closed('lost')
  }

  destroy(): void {
    if (this.#isOver) return
    this.#isOver = true
    const data = this.#data
    data.onopen = null
    data.onmessage = null
    data.onbufferedamountlow = null
    data.onclose = null
    this.#owner.over()
  }

  #send(message: string | Uint8Array<ArrayBuffer>): void {
    // One that is closing takes nothing; its close event is on the way.
    if (this.#data.readyState !== 'open') return
    if (typeof message === 'string') this.#data.send(message)
    else this.#data.send(message)
  }

  #receive(data: unknown): void {
    if (data !== farewellText) {
      this.#events?.message(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined)
      return
    }
    if (this.#saidFarewell) this.lose()
    else this.#events?.farewell()
  }
}
