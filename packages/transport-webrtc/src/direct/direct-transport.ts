/** The transport of direct dialling, but for what pages and Node do differently. */

import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
  Transport,
  TransportCapabilities,
  TransportHost,
} from '@fieldmesh/core/transport'
import {
  distanceOfHost,
  HandedOverChannel,
  PipeChannel,
  TransportRun,
} from '@fieldmesh/core/transport-kit'
import type { StoppableChannel } from '@fieldmesh/core/transport-kit'
import type { ConnectionFacts } from '../connection.ts'
import { formatDirectAddress, parseDirectAddress } from './direct-address.ts'
import { createDirectCounts } from './direct-counts.ts'
import type { DirectCounts } from './direct-counts.ts'
import { dialDirectly } from './direct-dial.ts'
import type { DirectConnector } from './direct-dial.ts'

/** Open channels beyond which those who dial are refused. */
const channelsMax = 128
/** Time in which whoever opens a channel must send its first message, or make room for others. */
const firstMessageMs = 10_000

/** What a listener asks of the transport. */
export interface DirectListenerHost {
  readonly counts: DirectCounts
  /** Whether no more channels are taken. */
  isFull(): boolean
  accepted(facts: ConnectionFacts, remoteHost: string): void
}

/** The listening half, in Node. */
export interface DirectListener {
  /** The addresses by which this peer is dialled, while it listens. */
  readonly addresses: readonly string[]
  start(host: DirectListenerHost): Promise<void>
  /** Accepts no more; resolves when the port is free again. Channels are over before. */
  stop(): Promise<void>
}

export interface DirectTransportOptions {
  /** Addresses to dial. */
  readonly addresses: readonly string[]
  /** Loads what makes connections; rejects with a sentence where there is none. */
  readonly load: () => Promise<DirectConnector>
  readonly listener?: DirectListener
}

/** See the file header. */
export class DirectTransport implements Transport {
  readonly name = 'webrtc-direct'
  readonly capabilities: TransportCapabilities
  readonly counts = createDirectCounts()
  readonly #options: DirectTransportOptions
  readonly #run = new TransportRun('webrtc-direct', channelsMax)
  #connect: DirectConnector | undefined

  constructor(options: DirectTransportOptions) {
    this.#options = options
    this.capabilities = {
      canListen: options.listener !== undefined,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    }
  }

  get listening(): readonly string[] {
    return this.#options.listener?.addresses ?? []
  }

  async start(host: TransportHost): Promise<void> {
    const run = this.#run
    run.begin(host)
    try {
      this.#connect = await this.#options.load()
      await this.#options.listener?.start({
        counts: this.counts,
        isFull: () => run.full || !run.host,
        accepted: (facts, remoteHost) => {
          host.accepted(this.#open(facts, remoteHost, firstMessageMs))
        },
      })
    } catch (error) {
      await run.end()
      throw error
    }
    for (const address of this.#options.addresses) host.addressFound(address)
  }

  async stop(): Promise<void> {
    // Farewells leave by the sockets of the listener.
    await this.#run.end()
    await this.#options.listener?.stop()
    this.#connect = undefined
  }

  dial(text: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const address = parseDirectAddress(text)
      if (typeof address === 'string') {
        const why = `${text} is no address for direct dialling: its ${address} is malformed`
        outcome.fail(new DialFailure('bad-address', why))
        return () => undefined
      }
      const named = { address, text: formatDirectAddress(address) }
      return dialDirectly(this.#connect as DirectConnector, named, this.#run.host?.handOver, {
        opened: (facts) => {
          outcome.succeed(this.#open(facts, address.host))
        },
        failed: (failure) => {
          outcome.fail(failure)
        },
      })
    })
  }

  #open(
    { messageBytesMax, binding, pipe }: ConnectionFacts,
    remoteHost: string,
    firstMessageMs?: number,
  ): Channel {
    const traits = {
      messageBytesMax,
      reliable: true,
      ordered: true,
      encrypted: true,
      binding,
      cost: { class: distanceOfHost(remoteHost), metered: false },
    }
    const gone = (channel: StoppableChannel) => {
      this.#run.remove(channel)
    }
    const channel =
      pipe.at === 'engine'
        ? new HandedOverChannel({ pipe: pipe.pipe, traits, gone })
        : new PipeChannel({
            pipe: pipe.pipe,
            traits,
            ...(firstMessageMs !== undefined && { firstMessageMs }),
            gone,
          })
    this.#run.add(channel)
    return channel
  }
}
