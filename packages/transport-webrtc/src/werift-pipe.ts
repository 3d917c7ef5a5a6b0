/**
 * A data channel of werift as a pipe. Says and answers farewells as `DataChannelPipe` of the
 * transport kit does.
 */

import { farewellText, pipeMarks } from '@fieldmesh/core/transport-kit'
import type { Pipe, PipeEvents } from '@fieldmesh/core/transport-kit'
import type { RTCDataChannel } from 'werift'

/**
 * Messages that werift has not handed to the network yet, from which on it is full: its cost per
 * message grows with the number waiting (measured: 0.02 MB/s with hundreds of small ones).
 */
const waitingMessagesMax = 4
/** Messages waiting at which it has drained. */
const waitingMessagesDrained = 1
/** Bytes that may arrive before the channel is open here, when packets overtake each other. */
const earlyBytesMax = 64 * 1024

/** Who has the connection under the data channel. */
export interface WeriftPipeOwner {
  /** Messages come from now on; whoever listens is to do so in this call. */
  opened(): void
  /** Called once: the pipe is over, and nothing of the connection is needed any more. */
  over(why: string): void
}

/** See the file header. */
export class WeriftPipe implements Pipe {
  readonly #data: RTCDataChannel
  readonly #owner: WeriftPipeOwner
  #events: PipeEvents | undefined
  readonly #early: (Buffer | string)[] = []
  #earlyBytes = 0
  #waitingMessages = 0
  #awaitsDrain = false
  #saidFarewell = false
  #hasHeard = false
  #isOver = false

  constructor(data: RTCDataChannel, owner: WeriftPipeOwner) {
    this.#data = data
    this.#owner = owner
    data.onMessage.subscribe((message) => {
      this.#hasHeard = true
      if (this.#events && this.#early.length === 0) this.#deliver(message)
      else this.#keepEarly(message)
    })
    data.stateChanged.subscribe((state) => {
      if (state === 'closed') this.lose('It was closed')
      if (state === 'open' && !this.#isOver) owner.opened()
    })
    // Called with less than zero for each message that was handed to the network: werift has no
    // event for that but the crossing of one threshold in bytes.
    const addBufferedAmount = data.addBufferedAmount.bind(data)
    data.addBufferedAmount = (bytes) => {
      addBufferedAmount(bytes)
      if (bytes < 0) this.#sent()
    }
  }

  /** Whether the other end has sent anything yet. */
  get hasHeard(): boolean {
    return this.#hasHeard
  }

  get bufferedBytes(): number {
    return this.#data.bufferedAmount
  }

  get full(): boolean {
    return this.#waitingMessages >= waitingMessagesMax || this.bufferedBytes >= pipeMarks.fullBytes
  }

  listen(events: PipeEvents): void {
    this.#events = events
    // Not from inside: the listener's channel is not handed over yet.
    queueMicrotask(() => {
      for (const message of this.#early.splice(0)) this.#deliver(message)
    })
  }

  send(bytes: Uint8Array): void {
    this.#waitingMessages++
    this.#data.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  awaitDrain(): void {
    this.#awaitsDrain = true
  }

  close(): void {
    if (this.#isOver || this.#saidFarewell) return
    this.#saidFarewell = true
    this.#waitingMessages++
    this.#data.send(farewellText)
  }

  /** The connection has ended: what is still to be reported is. */
  lose(why: string): void {
    if (this.#isOver) return
    this.#end(why)
    // A farewell would have been told before.
    this.#events?.closed('lost')
  }

  destroy(): void {
    if (!this.#isOver) this.#end('It was given up')
  }

  #end(why: string): void {
    this.#isOver = true
    this.#owner.over(why)
  }

  #keepEarly(message: Buffer | string): void {
    this.#earlyBytes += message.length
    this.#early.push(message)
    if (this.#earlyBytes > earlyBytesMax) this.lose('Too much arrived before it was open')
  }

  #deliver(message: Buffer | string): void {
    if (this.#isOver) return
    if (message === farewellText) {
      if (this.#saidFarewell) this.lose('It was closed')
      else this.#events?.farewell()
      return
    }
    // A copy where werift's memory is larger than the message: the receiver owns it.
    this.#events?.message(typeof message === 'string' ? undefined : Uint8Array.from(message))
  }

  /** A message has left. */
  #sent(): void {
    this.#waitingMessages--
    if (this.#isOver) return
    if (
      this.#awaitsDrain &&
      this.#waitingMessages <= waitingMessagesDrained &&
      this.bufferedBytes <= pipeMarks.drainedBytes
    ) {
      this.#awaitsDrain = false
      this.#events?.drained()
    }
  }
}
