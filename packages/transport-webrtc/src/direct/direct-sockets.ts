/**
 * The sockets of a port that is dialled directly: one for each address of this machine, all with
 * one port, so that answers leave from the very address that was dialled (rule DR20 of
 * docs/specs/direct.md). On every interface they follow the addresses as they come and go.
 */

import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { DirectWay } from './direct-session.ts'

/** Addresses listened at, the first ones of the system. Each costs a socket. */
const socketsMax = 64
/** Ports tried until one is free at every address, where the system chooses. */
const portTriesMax = 8
/** Between two looks at the addresses of this machine. */
const followMs = 2000
/** Room for bursts of all sessions, in bytes; the system may give less. */
const receiveBufferBytes = 1024 * 1024

export interface DirectSocketsOptions {
  /** 0 lets the system choose one, the same for all addresses. */
  readonly port: number
  /** An address of this machine; every one when left out, every IPv4 one for `0.0.0.0`. */
  readonly host: string | undefined
  readonly received: (datagram: Uint8Array, way: DirectWay) => void
}

/** See the file header. */
export class DirectSockets {
  readonly #options: DirectSocketsOptions
  readonly #socketsByHost = new Map<string, Socket>()
  #port: number
  #timer: ReturnType<typeof setInterval> | undefined
  /** Binding and closing, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: DirectSocketsOptions) {
    this.#options = options
    this.#port = options.port
  }

  /** The port, once it is known. */
  get port(): number {
    return this.#port
  }

  /** The addresses that are listened at. */
  get hosts(): readonly string[] {
    return [...this.#socketsByHost.keys()]
  }

  /** Begins; rejects with the system's error when an address cannot be had. */
  async begin(): Promise<void> {
    const { host, port } = this.#options
    for (let tries = 1; ; tries += 1) {
      try {
        for (const wanted of hostsToListenAt(host)) {
          await this.#bind(wanted).catch((error: unknown) => {
            // A fresh IPv6 address is not to be had while the system asks whether it is alone.
            if (wanted === host || codeOf(error) !== 'EADDRNOTAVAIL') throw error
          })
        }
        break
      } catch (error) {
        await this.#closeAll()
        this.#port = port
        if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || tries === portTriesMax) throw error
      }
    }
    this.#timer = setInterval(() => {
      this.#work = this.#work.then(() => this.#follow())
    }, followMs)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#work
    await this.#closeAll()
  }

  async #follow(): Promise<void> {
    const hosts = new Set(hostsToListenAt(this.#options.host))
    for (const [host, socket] of this.#socketsByHost) {
      if (hosts.has(host)) continue
      this.#socketsByHost.delete(host)
      await closed(socket)
    }
    for (const host of hosts) {
      if (!this.#socketsByHost.has(host)) await this.#bind(host).catch(() => undefined)
    }
  }

  async #bind(host: string): Promise<void> {
    if (this.#isClosed) return
    const isIpv6 = isIP(host) === 6
    const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close()
        reject(error)
      })
      socket.bind({ address: host, port: this.#port }, resolve)
    })
    socket.removeAllListeners('error')
    // Errors of single datagrams are no matter.
    socket.on('error', () => undefined)
    try {
      socket.setRecvBufferSize(receiveBufferBytes)
    } catch {
      // The system keeps to its own size: more is lost in bursts, and repeated by SCTP.
    }
    this.#port = socket.address().port
    socket.on('message', (datagram, { address, port }) => {
      this.#options.received(datagram, {
        name: `${host} ${address} ${port}`,
        localHost: host,
        host: address,
        port,
        send: (bytes) => {
          if (this.#socketsByHost.get(host) === socket) {
            socket.send(bytes, port, address, () => undefined)
          }
        },
      })
    })
    this.#socketsByHost.set(host, socket)
  }

  async #closeAll(): Promise<void> {
    const sockets = [...this.#socketsByHost.values()]
    this.#socketsByHost.clear()
    await Promise.all(sockets.map(closed))
  }
}

/** The addresses to listen at: one that is named, or those of every interface, or of IPv4. */
function hostsToListenAt(host: string | undefined): readonly string[] {
  if (host !== undefined && host !== '::' && host !== '0.0.0.0') return [host]
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, family }) =>
      family === 'IPv4' ? true : host !== '0.0.0.0' && !/^fe[89ab]/i.test(address),
    )
    .map(({ address }) => address)
    .slice(0, socketsMax)
}

async function closed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.close(resolve)
  })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
