/** What applications do over a simulated path: transfers, and keystrokes beside them. */

import type { ConnectionOutput } from '../../../engine/connection/connection-output.ts'
import type { MessagePort } from '../../../engine/connection/message-port.ts'
import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { Priority } from '../../../engine/link/link-port.ts'
import type { PathClock } from './path-channel.ts'

/** A peer that has connections, whatever carries them. */
export interface ConnectedPeer {
  readonly id: PeerId
  readonly connections: MessagePort
  readonly listeners: ((output: ConnectionOutput) => void)[]
  /** Does something to the connections, and lets what follows happen. */
  do(action: (nowMs: number) => void): void
}

export interface TransferOptions {
  readonly stream: Priority
  readonly bytes: number
  readonly messageBytes: number
}

/**
 * Bytes from one peer to another, as fast as the stream takes them. Whatever arrives is checked: the
 * messages in their order, each once and whole.
 */
export class Transfer {
  readonly #from: ConnectedPeer
  readonly #to: ConnectedPeer
  readonly #clock: PathClock
  readonly #options: TransferOptions
  #queuedBytes = 0
  #receivedBytes = 0
  #startedAtMs = 0
  #lastReceivedAtMs = 0

  constructor(clock: PathClock, from: ConnectedPeer, to: ConnectedPeer, options: TransferOptions) {
    this.#clock = clock
    this.#from = from
    this.#to = to
    this.#options = options
    from.listeners.push((output) => this.#senderTold(output))
    to.listeners.push((output) => this.#receiverTold(output))
  }

  /** Begins; both ends must be connected. */
  start(): void {
    this.#startedAtMs = this.#clock.nowMs
    this.#from.do((nowMs) => this.#write(nowMs))
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get isDone(): boolean {
    return this.#receivedBytes >= this.#options.bytes
  }

  /** Bytes delivered to the application per millisecond, from the start to the latest arrival. */
  get bytesPerMs(): number {
    return this.#receivedBytes / (this.#lastReceivedAtMs - this.#startedAtMs)
  }

  #write(nowMs: number): void {
    const { stream, bytes, messageBytes } = this.#options
    while (this.#queuedBytes < bytes) {
      const length = Math.min(messageBytes, bytes - this.#queuedBytes)
      const message = new Uint8Array(length).fill((this.#queuedBytes / messageBytes) & 0xff)
      if (this.#from.connections.send(this.#to.id, stream, message, nowMs) !== 'accepted') return
      this.#queuedBytes += length
    }
  }

  #senderTold(output: ConnectionOutput): void {
    const { stream } = this.#options
    if (output.type !== 'stream-writable' || output.stream !== stream) return
    if (output.peer === this.#to.id) this.#write(this.#clock.nowMs)
  }

  #receiverTold(output: ConnectionOutput): void {
    const { stream, bytes, messageBytes } = this.#options
    if (output.type !== 'message' || output.stream !== stream) return
    if (output.peer !== this.#from.id) return
    const { message } = output
    const expectedBytes = Math.min(messageBytes, bytes - this.#receivedBytes)
    const expected = (this.#receivedBytes / messageBytes) & 0xff
    if (message.length !== expectedBytes || !isFilledWith(message, expected)) {
      throw new Error(`a message after ${this.#receivedBytes} bytes is not the one that was sent`)
    }
    this.#receivedBytes += message.length
    this.#lastReceivedAtMs = this.#clock.nowMs
  }
}

/** Looks at some bytes of each message only, so that long transfers are spared the time. */
function isFilledWith(message: Uint8Array, expected: number): boolean {
  for (let index = 0; index < message.length; index += 251) {
    if (message[index] !== expected) return false
  }
  return message.at(-1) === expected
}

export interface TypingOptions {
  readonly stream: Priority
  readonly messageBytes: number
  /** Between two messages, drawn evenly from the least to the most. */
  readonly intervalMsLeast: number
  readonly intervalMsMost: number
}

/** Small messages from one peer to another, now and then, each timed. */
export class Typing {
  readonly #from: ConnectedPeer
  readonly #to: ConnectedPeer
  readonly #clock: PathClock
  readonly #options: TypingOptions
  readonly #sentAtMs: number[] = []
  /** From `send` to the arrival of the message, in milliseconds, in the order of arrival. */
  readonly latenciesMs: number[] = []
  #isStopped = false

  constructor(clock: PathClock, from: ConnectedPeer, to: ConnectedPeer, options: TypingOptions) {
    this.#clock = clock
    this.#from = from
    this.#to = to
    this.#options = options
    to.listeners.push((output) => this.#receiverTold(output))
  }

  start(): void {
    const { intervalMsLeast, intervalMsMost } = this.#options
    const intervalMs = intervalMsLeast + (intervalMsMost - intervalMsLeast) * this.#clock.fraction()
    this.#clock.at(this.#clock.nowMs + intervalMs, () => {
      if (this.#isStopped) return
      this.#type()
      this.start()
    })
  }

  stop(): void {
    this.#isStopped = true
  }

  /** The latency that this part of the messages did not exceed; those under way count as old as they are. */
  quantileMs(part: number): number {
    const underWay = this.#sentAtMs.slice(this.latenciesMs.length)
    const agesMs = underWay.map((sentAtMs) => this.#clock.nowMs - sentAtMs)
    const sorted = [...this.latenciesMs, ...agesMs].toSorted((left, right) => left - right)
    return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN
  }

  #type(): void {
    const { stream, messageBytes } = this.#options
    this.#from.do((nowMs) => {
      const message = new Uint8Array(messageBytes).fill(this.#sentAtMs.length & 0xff)
      const result = this.#from.connections.send(this.#to.id, stream, message, nowMs)
      if (result === 'accepted') this.#sentAtMs.push(nowMs)
    })
  }

  #receiverTold(output: ConnectionOutput): void {
    if (output.type !== 'message' || output.stream !== this.#options.stream) return
    if (output.peer !== this.#from.id) return
    const sentAtMs = this.#sentAtMs[this.latenciesMs.length]!
    if (output.message[0] !== (this.latenciesMs.length & 0xff)) throw new Error('a key is missing')
    this.latenciesMs.push(this.#clock.nowMs - sentAtMs)
  }
}
