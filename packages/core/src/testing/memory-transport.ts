/**
 * A transport within one process: for tests, simulations of an application, and examples.
 *
 * It keeps the contract of channels to the letter (bounded, asynchronous, in order), so that what
 * works over it has not learned anything that a real network would not keep.
 */

import type {
  Channel,
  ChannelCloseReason,
  ChannelHandlers,
  ChannelTraits,
  SendResult,
} from '../transport/channel.ts'
import { ChannelInbox } from '../transport-kit/channel-inbox.ts'
import { TransportRun } from '../transport-kit/transport-run.ts'
import type { StoppableChannel } from '../transport-kit/transport-run.ts'
import { DialFailure } from '../transport/transport.ts'
import type { Transport, TransportCapabilities, TransportHost } from '../transport/transport.ts'

/** Bytes under way in one direction from which on `send` answers `full`. */
const highMarkBytes = 256 * 1024
/** Bytes under way at which `drained` follows. */
const lowMarkBytes = 64 * 1024
const defaultMessageBytesMax = 64 * 1024
/** More channels than any test needs; further dials are refused. */
const channelsMax = 1024

/** Where memory transports find each other by address. */
export class MemoryNetwork {
  readonly #listeners = new Map<string, MemoryListener>()
  readonly #pipes = new Set<MemoryPipe>()

  /** Breaks every channel from or to an address, without a farewell: both ends see `lost`. */
  sever(address: string): void {
    for (const pipe of this.#pipes) {
      if (pipe.address === address || pipe.remote?.address === address) pipe.break()
    }
  }

  /** @internal */
  listen(address: string, listener: MemoryListener): void {
    if (this.#listeners.has(address)) throw new Error(`The address ${address} is taken`)
    this.#listeners.set(address, listener)
  }

  /** @internal */
  unlisten(address: string): void {
    this.#listeners.delete(address)
  }

  /** @internal */
  listenerAt(address: string): MemoryListener | undefined {
    return this.#listeners.get(address)
  }

  /** @internal */
  keep(pipe: MemoryPipe): void {
    this.#pipes.add(pipe)
  }

  /** @internal */
  forget(pipe: MemoryPipe): void {
    this.#pipes.delete(pipe)
  }
}

export interface MemoryTransportOptions {
  readonly network: MemoryNetwork
  /** Address at which others reach this one; without it, it can only dial. */
  readonly address?: string
  /** Addresses to report at the start, as found. */
  readonly dial?: readonly string[]
  readonly messageBytesMax?: number
}

interface MemoryListener {
  accept(): MemoryPipe | undefined
}

/** Makes a transport on a network in memory. */
export function memoryTransport(options: MemoryTransportOptions): Transport {
  return new MemoryTransport(options)
}

class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly capabilities: TransportCapabilities
  readonly #options: MemoryTransportOptions
  readonly #run = new TransportRun('memory', channelsMax)

  constructor(options: MemoryTransportOptions) {
    this.#options = options
    this.capabilities = {
      canListen: options.address !== undefined,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    }
  }

  async start(host: TransportHost): Promise<void> {
    const { network, address, dial = [] } = this.#options
    this.#run.begin(host)
    if (address !== undefined) network.listen(address, { accept: () => this.#accept(host) })
    for (const found of dial) host.addressFound(found)
  }

  async stop(): Promise<void> {
    const { network, address } = this.#options
    if (address !== undefined && this.#run.host) network.unlisten(address)
    await this.#run.end()
  }

  dial(address: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const timer = setTimeout(() => {
        const remote = this.#options.network.listenerAt(address)?.accept()
        if (!remote) {
          outcome.fail(new DialFailure('refused', `Nobody listens at ${address} in memory`))
          return
        }
        const local = this.#makePipe()
        local.join(remote)
        remote.join(local)
        outcome.succeed(local)
      }, 0)
      return () => {
        clearTimeout(timer)
      }
    })
  }

  #accept(host: TransportHost): MemoryPipe | undefined {
    if (this.#run.full) return undefined
    const pipe = this.#makePipe()
    queueMicrotask(() => {
      host.accepted(pipe)
    })
    return pipe
  }

  #makePipe(): MemoryPipe {
    const { network, address, messageBytesMax = defaultMessageBytesMax } = this.#options
    const pipe: MemoryPipe = new MemoryPipe(address, messageBytesMax, () => {
      this.#run.remove(pipe)
      network.forget(pipe)
    })
    this.#run.add(pipe)
    network.keep(pipe)
    return pipe
  }
}

/** One end of a channel in memory. */
class MemoryPipe implements StoppableChannel {
  readonly traits: ChannelTraits
  readonly address: string | undefined
  remote: MemoryPipe | undefined
  readonly #inbox = new ChannelInbox()
  readonly #left: Promise<void>
  #leave: () => void = () => undefined
  #bufferedBytes = 0
  #underWay: Uint8Array[] = []
  #owesDrained = false
  #deliveryScheduled = false

  constructor(address: string | undefined, messageBytesMax: number, gone: () => void) {
    this.address = address
    this.#left = new Promise((resolve) => {
      this.#leave = () => {
        gone()
        resolve()
      }
    })
    this.traits = {
      messageBytesMax,
      reliable: true,
      ordered: true,
      encrypted: false,
      cost: { class: 'lan', metered: false },
    }
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  join(remote: MemoryPipe): void {
    this.remote = remote
  }

  attach(handlers: ChannelHandlers): void {
    this.#inbox.attach(handlers)
  }

  send(bytes: Uint8Array): SendResult {
    if (this.#inbox.closed) return 'closed'
    if (bytes.length > this.traits.messageBytesMax) return 'too-large'
    if (bytes.length === 0) throw new RangeError('A message has at least one byte')
    if (this.#bufferedBytes >= highMarkBytes) {
      this.#owesDrained = true
      return 'full'
    }
    // A copy: the receiver owns its bytes, and may transfer or change them.
    this.#underWay.push(bytes.slice())
    this.#bufferedBytes += bytes.length
    this.#scheduleDelivery()
    return 'accepted'
  }

  close(): void {
    this.#end('local')
  }

  /** Ends both sides as a broken wire would. */
  break(): void {
    this.#underWay = []
    this.#end('lost')
    if (this.remote) this.remote.#end('lost')
  }

  async stop(): Promise<void> {
    this.#end('transport-stopped')
    await this.#left
  }

  #end(reason: ChannelCloseReason): void {
    if (this.#inbox.closed) return
    this.#inbox.close(reason)
    // What was accepted is still sent, and the farewell after it.
    this.#scheduleDelivery()
  }

  #scheduleDelivery(): void {
    // A task, not a microtask: two ends that answer each other must not starve everybody else.
    if (this.#deliveryScheduled) return
    this.#deliveryScheduled = true
    setTimeout(() => {
      this.#deliveryScheduled = false
      this.#deliver()
    }, 0)
  }

  #deliver(): void {
    const messages = this.#underWay
    this.#underWay = []
    const { remote } = this
    for (const message of messages) {
      this.#bufferedBytes -= message.length
      if (remote && remote.#inbox.receive(message) === 'overflow') remote.#end('protocol')
    }
    if (this.#owesDrained && this.#bufferedBytes <= lowMarkBytes) {
      this.#owesDrained = false
      this.#inbox.drained()
    }
    if (this.#inbox.closed && this.#underWay.length === 0) {
      if (remote) remote.#end('remote')
      this.#leave()
    }
  }
}
