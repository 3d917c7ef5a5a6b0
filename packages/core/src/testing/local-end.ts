/** An end of a conformance test of transports in this very runtime: drives a transport directly. */

import { decodeHex, encodeHex } from '../engine/bytes/hex.ts'
import type { Channel, ChannelCloseReason, SendResult } from '../transport/channel.ts'
import { DialFailure } from '../transport/transport.ts'
import type { Transport } from '../transport/transport.ts'
import { AssertionFailure } from './assertions.ts'
import { patternMessage, printOf } from './message-pattern.ts'
import type { MessagePattern } from './message-pattern.ts'
import type {
  ChannelLog,
  ChannelNumber,
  DialResult,
  FillResult,
  SignalRecord,
  TraitsRecord,
  TransportEnd,
} from './transport-end.ts'

/** How long a test waits for what should happen at once, before it fails with a sentence. */
const patienceMs = 10_000

interface OpenChannel {
  readonly channel: Channel
  readonly received: string[]
  readonly closed: ChannelCloseReason[]
  drainedCount: number
  afterClosed: number
}

/** An end in this very runtime. */
export function localEnd(transport: Transport, peer: string): TransportEnd {
  return new LocalEnd(transport, peer)
}

class LocalEnd implements TransportEnd {
  readonly peer: string
  readonly #transport: Transport
  readonly #channels: (OpenChannel | undefined)[] = []
  readonly #acceptedChannels: ChannelNumber[] = []
  #acceptedTaken = 0
  readonly #addresses: string[] = []
  readonly #signals: SignalRecord[] = []
  readonly #waiting = new Set<() => void>()
  #running = false
  #sending = false
  #reentered = false

  constructor(transport: Transport, peer: string) {
    this.#transport = transport
    this.peer = peer
  }

  async start(): Promise<void> {
    this.#running = true
    await this.#transport.start({
      localPeer: this.peer,
      accepted: (channel) => {
        this.#acceptedChannels.push(this.#keep(channel))
        this.#changed()
      },
      addressFound: (address) => this.#addresses.push(address),
      addressLost: (address) => {
        this.#addresses.splice(this.#addresses.indexOf(address), 1)
      },
      networkChanged: () => {},
      sendSignal: (to, signal) => {
        this.#signals.push({ peer: to, hex: encodeHex(signal) })
        this.#changed()
      },
    })
  }

  async stop(): Promise<void> {
    await this.#transport.stop()
    this.#running = false
    this.#changed()
  }

  async addressesFound(): Promise<string[]> {
    return [...this.#addresses]
  }

  async dial(address: string, abort?: 'before' | 'after'): Promise<DialResult> {
    const controller = new AbortController()
    const reason = new Error('The test gave up')
    if (abort === 'before') controller.abort(reason)
    const dialling = this.#transport.dial(address, controller.signal)
    if (abort === 'after') controller.abort(reason)
    try {
      return { type: 'open', channel: this.#keep(await dialling) }
    } catch (error) {
      if (error === reason) return { type: 'aborted' }
      if (error instanceof DialFailure) {
        return { type: 'failed', reason: error.reason, message: error.message }
      }
      return { type: 'other', message: String(error) }
    }
  }

  async accepted(): Promise<ChannelNumber> {
    const position = this.#acceptedTaken++
    await this.#until(() => position < this.#acceptedChannels.length, 'a channel to be accepted')
    return this.#acceptedChannels[position] as ChannelNumber
  }

  async acceptedCount(): Promise<number> {
    return this.#acceptedChannels.length
  }

  async traits(channel: ChannelNumber): Promise<TraitsRecord> {
    const { traits } = this.#at(channel).channel
    return {
      messageBytesMax: traits.messageBytesMax,
      reliable: traits.reliable,
      ordered: traits.ordered,
      encrypted: traits.encrypted,
      binding: traits.binding ? encodeHex(traits.binding) : null,
      costClass: traits.cost.class,
      metered: traits.cost.metered,
    }
  }

  async attach(channel: ChannelNumber): Promise<void> {
    const open = this.#at(channel)
    const hear = (note: () => void) => {
      if (this.#sending) this.#reentered = true
      if (open.closed.length > 0) open.afterClosed++
      note()
      this.#changed()
    }
    open.channel.attach({
      received: (bytes) => {
        hear(() => open.received.push(printOf(bytes)))
      },
      drained: () => {
        hear(() => open.drainedCount++)
      },
      closed: (reason) => {
        hear(() => open.closed.push(reason))
      },
    })
  }

  async echo(channel: ChannelNumber): Promise<void> {
    const pipe = this.#at(channel).channel
    pipe.attach({ received: (bytes) => void pipe.send(bytes), drained() {}, closed() {} })
  }

  async roundTrips(
    channel: ChannelNumber,
    count: number,
    pauseMs: number,
  ): Promise<readonly number[]> {
    const pipe = this.#at(channel).channel
    let echoed = () => {}
    pipe.attach({ received: () => echoed(), drained() {}, closed() {} })
    const timesMs: number[] = []
    while (timesMs.length < count) {
      const startMs = performance.now()
      await new Promise<void>((resolve) => {
        echoed = resolve
        pipe.send(new Uint8Array(100))
      })
      timesMs.push(performance.now() - startMs)
      await new Promise((resolve) => {
        setTimeout(resolve, pauseMs)
      })
    }
    return timesMs
  }

  async send(
    channel: ChannelNumber,
    pattern: MessagePattern,
    position: number,
  ): Promise<SendResult> {
    const message = patternMessage(pattern, position)
    return this.#at(channel).channel.send(message)
  }

  async sendNothing(channel: ChannelNumber): Promise<boolean> {
    try {
      this.#at(channel).channel.send(new Uint8Array(0))
      return false
    } catch {
      return true
    }
  }

  async fill(channel: ChannelNumber, pattern: MessagePattern): Promise<FillResult> {
    const { channel: pipe } = this.#at(channel)
    // Made before, so that nothing but sending happens in the loop.
    const messages = Array.from({ length: pattern.count }, (_, at) => patternMessage(pattern, at))
    let accepted = 0
    let last: SendResult = 'accepted'
    let bufferedBytesMax = 0
    this.#reentered = false
    this.#sending = true
    for (const message of messages) {
      last = pipe.send(message)
      if (last !== 'accepted') break
      accepted++
      bufferedBytesMax = Math.max(bufferedBytesMax, pipe.bufferedBytes)
    }
    this.#sending = false
    return { accepted, last, bufferedBytesMax, reentered: this.#reentered }
  }

  async sendAll(channel: ChannelNumber, pattern: MessagePattern): Promise<void> {
    const open = this.#at(channel)
    for (let position = 0; position < pattern.count;) {
      const drainedBefore = open.drainedCount
      const result = open.channel.send(patternMessage(pattern, position))
      if (result === 'accepted') position++
      else if (result === 'full') {
        await this.#until(() => open.drainedCount > drainedBefore, 'drained after full')
      } else throw new AssertionFailure(`send answered ${result} to message ${position}`)
    }
  }

  async received(channel: ChannelNumber, count: number): Promise<readonly string[]> {
    const { received } = this.#at(channel)
    await this.#until(
      () => received.length >= count,
      () => `message ${count} of the channel, ${received.length} came`,
    )
    return [...received]
  }

  async drained(channel: ChannelNumber): Promise<void> {
    const open = this.#at(channel)
    await this.#until(() => open.drainedCount > 0, 'drained')
  }

  async close(channel: ChannelNumber, times = 1): Promise<void> {
    const open = this.#at(channel)
    this.#reentered = false
    this.#sending = true
    for (let time = 0; time < times; time++) open.channel.close()
    this.#sending = false
    if (this.#reentered) throw new AssertionFailure('A handler was called from inside close')
  }

  async closed(channel: ChannelNumber): Promise<ChannelCloseReason> {
    const { closed } = this.#at(channel)
    await this.#until(() => closed.length > 0, 'the channel to close')
    return closed[0] as ChannelCloseReason
  }

  async log(channel: ChannelNumber): Promise<ChannelLog> {
    const { received, drainedCount, closed, afterClosed } = this.#at(channel)
    return { received, drainedCount, closed, afterClosed }
  }

  async forget(channel: ChannelNumber): Promise<void> {
    this.#channels[channel] = undefined
  }

  async bufferedBytes(channel: ChannelNumber): Promise<number> {
    return this.#at(channel).channel.bufferedBytes
  }

  async nextSignal(): Promise<SignalRecord | null> {
    // Unbounded patience: nobody knows when a transport will want to say something.
    while (this.#signals.length === 0 && this.#running) {
      await this.#change()
    }
    return this.#signals.shift() ?? null
  }

  async receiveSignal(peer: string, hex: string): Promise<void> {
    this.#transport.receiveSignal?.(peer, decodeHex(hex) ?? new Uint8Array(0))
  }

  #keep(channel: Channel): ChannelNumber {
    const open = { channel, received: [], closed: [], drainedCount: 0, afterClosed: 0 }
    return this.#channels.push(open) - 1
  }

  #at(channel: ChannelNumber): OpenChannel {
    const open = this.#channels[channel]
    if (!open) throw new AssertionFailure(`There is no channel ${channel}`)
    return open
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve)
    })
  }

  #changed(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  async #until(condition: () => boolean, what: string | (() => string)): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#changed()
    }, patienceMs)
    try {
      while (!condition()) {
        if (late) {
          const awaited = typeof what === 'string' ? what : what()
          throw new AssertionFailure(`Waited ${patienceMs} ms in vain for ${awaited}`)
        }
        await this.#change()
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
