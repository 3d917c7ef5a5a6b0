/** The WebSocket transport but for what pages and Node do differently. */

import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
  ChannelCost,
  Transport,
  TransportCapabilities,
  TransportHost,
} from '@fieldmesh/core/transport'
import {
  channelsMax,
  distanceOfHost,
  firstMessageMs,
  PipeChannel,
  TransportRun,
} from '@fieldmesh/core/transport-kit'
import type { Pipe } from '@fieldmesh/core/transport-kit'
import { messageBytesMax } from './websocket-protocol.ts'
import type { WebSocketConnector } from './websocket-protocol.ts'

/** What a listener asks of the transport. */
export interface ListenerHost {
  /** Whether one more connection is to be refused. */
  readonly full: boolean
  accepted(pipe: Pipe, remoteHost: string): void
}

/** The listening half, in Node. */
export interface WebSocketListener {
  start(host: ListenerHost): Promise<void>
  /** Accepts no more; resolves when the port is free again. */
  stop(): Promise<void>
}

export interface WebSocketTransportOptions {
  readonly urls: readonly string[]
  readonly connect: WebSocketConnector
  readonly listener?: WebSocketListener
}

export class WebSocketTransport implements Transport {
  readonly name = 'websocket'
  readonly capabilities: TransportCapabilities
  readonly #options: WebSocketTransportOptions
  readonly #run = new TransportRun('websocket', channelsMax)

  constructor(options: WebSocketTransportOptions) {
    this.#options = options
    this.capabilities = {
      canListen: options.listener !== undefined,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    }
  }

  async start(host: TransportHost): Promise<void> {
    const run = this.#run
    run.begin(host)
    try {
      await this.#options.listener?.start({
        get full() {
          return run.full || !run.host
        },
        accepted: (pipe, remoteHost) => {
          host.accepted(this.#open(pipe, distanceOfHost(remoteHost), firstMessageMs))
        },
      })
    } catch (error) {
      await run.end()
      throw error
    }
    for (const url of this.#options.urls) host.addressFound(url)
  }

  async stop(): Promise<void> {
    const listenerStopped = this.#options.listener?.stop()
    await this.#run.end()
    await listenerStopped
  }

  dial(address: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const url = URL.canParse(address) ? new URL(address) : undefined
      if (!url || !['ws:', 'wss:'].includes(url.protocol) || url.hash !== '') {
        outcome.fail(
          new DialFailure('bad-address', `${address} is not of the form ws://HOST:PORT/PATH`),
        )
        return () => undefined
      }
      return this.#options.connect(url, {
        opened: (pipe) => {
          outcome.succeed(this.#open(pipe, distanceOfHost(url.hostname)))
        },
        failed: (failure) => {
          outcome.fail(failure)
        },
      })
    })
  }

  #open(pipe: Pipe, costClass: ChannelCost['class'], firstMessageMs?: number): Channel {
    const channel = new PipeChannel({
      pipe,
      traits: {
        messageBytesMax,
        reliable: true,
        ordered: true,
        // A wss:// URL is encrypted, but to an end that neither side can name in a binding.
        encrypted: false,
        cost: { class: costClass, metered: false },
      },
      ...(firstMessageMs === undefined ? {} : { firstMessageMs }),
      gone: (channel) => {
        this.#run.remove(channel)
      },
    })
    this.#run.add(channel)
    return channel
  }
}
