/**
 * A transport seen through a transport port, as an engine's driver sees it, made into one that the
 * conformance suite can drive: what passes the suite behind it passes it with broker, ports and
 * threads between.
 */

import type { TransportPort, TransportReport } from '../driver/transport-port.ts'
import { messageOverheadBytes } from '../driver/transport-port.ts'
import type { ChannelId, DialId } from '../engine/input.ts'
import type { PeerId } from '../engine/identity/peer-id.ts'
import { ChannelInbox } from '../transport-kit/channel-inbox.ts'
import { pipeMarks } from '../transport-kit/pipe.ts'
import type {
  Channel,
  ChannelCloseReason,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from '../transport/channel.ts'
import {
  DialFailure,
  type Transport,
  type TransportCapabilities,
  type TransportHost,
} from '../transport/transport.ts'

interface Dial {
  readonly resolve: (channel: Channel) => void
  readonly reject: (reason: unknown) => void
}

/** See the file header. One broker with one transport is at the other end. */
export class PortTransport implements Transport {
  readonly name: string
  readonly capabilities: TransportCapabilities
  readonly #port: TransportPort
  readonly #channels = new Map<ChannelId, PortChannel>()
  readonly #dials = new Map<DialId, Dial>()
  #dialCount = 0
  #host: TransportHost | undefined
  #started: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  #stopping: Promise<void> | undefined
  #stopped: (() => void) | undefined

  constructor(name: string, capabilities: TransportCapabilities, port: TransportPort) {
    this.name = name
    this.capabilities = capabilities
    this.#port = port
  }

  /** Resolves when the transport at the other end says that it is being started. */
  async start(host: TransportHost): Promise<void> {
    this.#host = host
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
      this.#port.receive((reports) => {
        for (const report of reports) this.#take(report)
      })
    })
  }

  async stop(): Promise<void> {
    if (!this.#host) return this.#stopping
    this.#host = undefined
    this.#stopping = new Promise((resolve) => {
      this.#stopped = () => {
        this.#port.close()
        resolve()
      }
      this.#port.post({ type: 'stop-transports' })
    })
    return this.#stopping
  }

  async dial(address: string, signal: AbortSignal): Promise<Channel> {
    signal.throwIfAborted()
    if (!this.#host) throw new DialFailure('cancelled', 'the transport is not running')
    this.#dialCount += 1
    const dial = this.#dialCount
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        // The reason is the caller's own value, whatever it is.
        reject(signal.reason as Error)
        this.#port.post({ type: 'cancel-dial', dial })
      })
      this.#dials.set(dial, { resolve, reject })
      this.#port.post({ type: 'dial', dial, transport: this.name, address })
    })
  }

  receiveSignal(peer: string, signal: Uint8Array): void {
    const { name: transport } = this
    this.#port.post({ type: 'signal-received', transport, peer: peer as PeerId, signal })
  }

  #take(report: TransportReport): void {
    switch (report.type) {
      case 'transport-started':
        this.#started?.resolve()
        return
      case 'transport-failed':
        this.#started?.reject(new Error(report.message))
        return
      case 'address-found':
        this.#host?.addressFound(report.address, report.discovery)
        return
      case 'address-lost':
        this.#host?.addressLost(report.address)
        return
      case 'network-changed':
        this.#host?.networkChanged()
        return
      case 'signal-sent':
        this.#host?.sendSignal(report.peer, report.signal)
        return
      case 'channel-opened':
        this.#opened(report)
        return
      case 'dial-failed':
        this.#dials.get(report.dial)?.reject(new DialFailure(report.reason, report.message))
        this.#dials.delete(report.dial)
        return
      case 'channel-received':
        this.#channels.get(report.channel)?.receive(report.bytes)
        return
      case 'channel-drained':
        this.#channels.get(report.channel)?.drain(report.drainedBytes)
        return
      case 'channel-closed':
        this.#channels.get(report.channel)?.end(report.reason)
        this.#channels.delete(report.channel)
        return
      case 'transports-stopped':
        this.#stopped?.()
        return
      case 'transport-stopped':
      case 'channel-overrun':
      case 'channel-refused':
      case 'signals-taken':
      case 'channel-adopted':
    }
  }

  #opened({ channel: id, traits, dial }: TransportReport & { type: 'channel-opened' }): void {
    const channel = new PortChannel(this.#port, id, traits)
    this.#channels.set(id, channel)
    if (dial === undefined) this.#host?.accepted(channel)
    else {
      this.#dials.get(dial)?.resolve(channel)
      this.#dials.delete(dial)
    }
  }
}

/** A channel behind the port, with the credit that an engine keeps. */
class PortChannel implements Channel {
  readonly traits: ChannelTraits
  readonly #port: TransportPort
  readonly #id: ChannelId
  readonly #inbox = new ChannelInbox()
  #sentBytes = 0
  #drainedBytes = 0
  #processedBytes = 0
  #owesDrained = false

  constructor(port: TransportPort, id: ChannelId, traits: ChannelTraits) {
    this.#port = port
    this.#id = id
    this.traits = traits
  }

  get bufferedBytes(): number {
    return this.#sentBytes - this.#drainedBytes
  }

  attach(handlers: ChannelHandlers): void {
    this.#inbox.attach(handlers)
  }

  send(bytes: Uint8Array): SendResult {
    if (this.#inbox.closed) return 'closed'
    if (bytes.length > this.traits.messageBytesMax) return 'too-large'
    if (bytes.length === 0) throw new RangeError('A message has at least one byte')
    if (this.bufferedBytes >= pipeMarks.fullBytes) {
      this.#owesDrained = true
      return 'full'
    }
    this.#sentBytes += bytes.length
    this.#port.post({ type: 'channel-send', channel: this.#id, bytes })
    return 'accepted'
  }

  close(): void {
    if (this.#inbox.closed) return
    this.#inbox.close('local')
    this.#port.post({ type: 'close-channel', channel: this.#id })
  }

  receive(bytes: Uint8Array): void {
    this.#processedBytes += bytes.length + messageOverheadBytes
    const processedBytes = this.#processedBytes
    if (this.#inbox.receive(bytes) === 'overflow') {
      this.#inbox.close('protocol')
      this.#port.post({ type: 'close-channel', channel: this.#id })
    } else this.#port.post({ type: 'channel-processed', channel: this.#id, processedBytes })
  }

  drain(drainedBytes: number): void {
    this.#drainedBytes = drainedBytes
    if (!this.#owesDrained || this.bufferedBytes > pipeMarks.drainedBytes) return
    this.#owesDrained = false
    this.#inbox.drained()
  }

  end(reason: ChannelCloseReason): void {
    this.#inbox.close(reason)
  }
}
