/**
 * The listening addresses of a UDP transport: a socket for each, so that answers leave from the very
 * address that was dialled. On every interface they follow the interfaces as they come and go.
 */

import type { UdpAddress } from './udp-address.ts'
import type { InterfaceAddress } from './network-interfaces.ts'
import { UdpListener } from './udp-listener.ts'
import type { UdpListenerOptions } from './udp-listener.ts'

/** Addresses listened at, the first ones of the system. Each costs a socket. */
const listenersMax = 64
/** Ports tried until one is free at every address, where the system chooses. */
const portTriesMax = 8

export type UdpListenersOptions = Omit<UdpListenerOptions, 'host' | 'port' | 'opened'> & {
  /** 0 lets the system choose one, the same for all addresses. */
  readonly port: number
  readonly opened: (...args: [...Parameters<UdpListenerOptions['opened']>, local: string]) => void
}

/** See the file header. */
export class UdpListeners {
  readonly #options: UdpListenersOptions
  readonly #listenersByHost = new Map<string, UdpListener>()
  #port: number
  /** Binding and closing, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: UdpListenersOptions) {
    this.#options = options
    this.#port = options.port
  }

  get addresses(): readonly UdpAddress[] {
    return [...this.#listenersByHost.values()].map(({ address }) => address)
  }

  /**
   * Begins at these addresses. Rejects with the system's error if one is taken, or cannot be had
   * though it was named; others that cannot be had are left to `follow`.
   */
  async begin(hosts: readonly string[], named: string | undefined): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        for (const host of hosts.slice(0, listenersMax)) {
          await this.#bind(host).catch((error: unknown) => {
            // A fresh IPv6 address is not to be had while the system asks whether it is alone.
            if (host === named || codeOf(error) !== 'EADDRNOTAVAIL') throw error
          })
        }
        return
      } catch (error) {
        await this.#closeAll()
        this.#port = this.#options.port
        if (this.#port !== 0 || codeOf(error) !== 'EADDRINUSE' || tries === portTriesMax)
          throw error
      }
    }
  }

  /**
   * Begins at addresses that are new, ends at those that are gone. One that cannot be had (yet) is
   * left out and tried again at the next call. Tells whether anything has changed.
   */
  async follow(hosts: readonly string[]): Promise<boolean> {
    const work = this.#work.then(() => this.#follow(new Set(hosts.slice(0, listenersMax))))
    this.#work = work.then(() => undefined)
    return work
  }

  async #follow(hosts: ReadonlySet<string>): Promise<boolean> {
    const hostsBefore = [...this.#listenersByHost.keys()].join()
    for (const [host, listener] of this.#listenersByHost) {
      if (hosts.has(host)) continue
      this.#listenersByHost.delete(host)
      await listener.close()
    }
    for (const host of hosts) {
      if (!this.#listenersByHost.has(host)) await this.#bind(host).catch(() => undefined)
    }
    return [...this.#listenersByHost.keys()].join() !== hostsBefore
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#work
    await this.#closeAll()
  }

  async #bind(host: string): Promise<void> {
    if (this.#isClosed) return
    const { opened, ...options } = this.#options
    const listener = await UdpListener.bind({
      ...options,
      host,
      port: this.#port,
      opened: (pipe, remoteHost) => {
        opened(pipe, remoteHost, host)
      },
    })
    this.#listenersByHost.set(host, listener)
    this.#port = listener.address.port
  }

  async #closeAll(): Promise<void> {
    const listeners = [...this.#listenersByHost.values()]
    this.#listenersByHost.clear()
    await Promise.all(listeners.map((listener) => listener.close()))
  }
}

/** The hosts to listen at: one that is named, or those of every interface, or of one family. */
export function hostsToListenAt(
  host: string | undefined,
  addresses: readonly InterfaceAddress[],
): readonly string[] {
  if (host !== undefined && host !== '::' && host !== '0.0.0.0') return [host]
  return addresses
    .filter(({ family }) => host !== '0.0.0.0' || family === 4)
    .map((address) => address.host)
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
