/** The TCP transport: for Node peers that reach each other by address. */

import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { DialFailure } from '@fieldmesh/core/transport'
import type {
  Channel,
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
import { dialFailureReasonOf } from './dial-errors.ts'
import { formatTcpAddress, parseTcpAddress } from './tcp-address.ts'
import type { TcpAddress } from './tcp-address.ts'
import { messageBytesMax } from './tcp-framing.ts'
import { TcpPipe } from './tcp-pipe.ts'

export interface TcpOptions {
  /** Where to listen; without it, this transport only dials. */
  readonly listen?: {
    /** 0 lets the system choose. */
    readonly port: number
    /** Address of an interface; every interface when left out. */
    readonly host?: string
  }
  /** Addresses to dial, `tcp://HOST:PORT`. */
  readonly addresses?: readonly string[]
}

/** A TCP transport, and where it listens. */
export interface TcpTransport extends Transport {
  /** The address that is listened at, with the port that the system chose; else undefined. */
  readonly listening: TcpAddress | undefined
}

/** Makes a TCP transport. */
export function tcp(options: TcpOptions = {}): TcpTransport {
  return new Tcp(options)
}

class Tcp implements TcpTransport {
  readonly name = 'tcp'
  readonly capabilities: TransportCapabilities
  readonly #options: TcpOptions
  readonly #run = new TransportRun('tcp', channelsMax)
  #server: Server | undefined

  constructor(options: TcpOptions) {
    this.#options = options
    this.capabilities = {
      canListen: options.listen !== undefined,
      canDial: true,
      needsUserGesture: false,
      needsSignalling: false,
    }
  }

  get listening(): TcpAddress | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined
    return address ? { host: address.address, port: address.port } : undefined
  }

  async start(host: TransportHost): Promise<void> {
    const { listen, addresses = [] } = this.#options
    this.#run.begin(host)
    try {
      if (listen) this.#server = await this.#listen(listen, host)
    } catch (error) {
      await this.#run.end()
      throw error
    }
    for (const address of addresses) host.addressFound(address)
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server
      ? new Promise<void>((resolve) => {
          server.close(() => {
            resolve()
          })
        })
      : undefined
    await this.#run.end()
    await closed
  }

  dial(address: string, signal: AbortSignal): Promise<Channel> {
    return this.#run.dial(signal, (outcome) => {
      const parsed = parseTcpAddress(address)
      if (!parsed) {
        const form = formatTcpAddress({ host: 'HOST', port: 4100 })
        outcome.fail(new DialFailure('bad-address', `${address} is not of the form ${form}`))
        return () => undefined
      }
      if (/%.*_/.test(parsed.host)) {
        const why = `Node connects to no zone with an underscore (${address}); UDP does`
        outcome.fail(new DialFailure('unsupported', why))
        return () => undefined
      }
      const socket = connect(parsed)
      const onError = (error: NodeJS.ErrnoException) => {
        outcome.fail(
          new DialFailure(
            dialFailureReasonOf(error),
            `${address} was not reached: ${error.message}`,
            {
              cause: error,
            },
          ),
        )
      }
      socket.once('error', onError)
      socket.once('connect', () => {
        socket.off('error', onError)
        outcome.succeed(this.#open(socket))
      })
      return () => {
        socket.off('error', onError)
        // Destroying a socket that is being connected may still raise an error.
        socket.on('error', () => undefined)
        socket.destroy()
      }
    })
  }

  #listen(listen: NonNullable<TcpOptions['listen']>, host: TransportHost): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        if (this.#run.full || !this.#run.host) socket.destroy()
        else host.accepted(this.#open(socket, firstMessageMs))
      })
      server.once('error', reject)
      server.listen(listen, () => {
        server.off('error', reject)
        // A connection that could not be accepted (no file descriptor left): the next may be.
        server.on('error', () => undefined)
        resolve(server)
      })
    })
  }

  #open(socket: Socket, firstMessageMs?: number): Channel {
    const channel = new PipeChannel({
      pipe: new TcpPipe(socket),
      traits: {
        messageBytesMax,
        reliable: true,
        ordered: true,
        encrypted: false,
        cost: { class: distanceOfHost(socket.remoteAddress ?? ''), metered: false },
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
