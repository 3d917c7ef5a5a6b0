/** The listening half of direct dialling: certificate, sockets and sessions (docs/specs/direct.md). */

import type * as Werift from 'werift'
import { messageBytesMax } from '../connection.ts'
import { loadCertificate, makeCertificate } from './certificate-file.ts'
import type { HeldCertificate } from './certificate-file.ts'
import { formatDirectAddress } from './direct-address.ts'
import { DirectPort } from './direct-port.ts'
import { DirectSockets } from './direct-sockets.ts'
import type { DirectListener, DirectListenerHost } from './direct-transport.ts'

export interface NodeListenerOptions {
  readonly port: number
  readonly host?: string
  /** File that the certificate is kept in; a new one for each start when left out. */
  readonly certificate?: string
}

/** See the file header. */
export class NodeListener implements DirectListener {
  readonly #options: NodeListenerOptions
  readonly #load: () => Promise<typeof Werift>
  #certificate: HeldCertificate | undefined
  #port: DirectPort | undefined
  #sockets: DirectSockets | undefined

  constructor(options: NodeListenerOptions, load: () => Promise<typeof Werift>) {
    this.#options = options
    this.#load = load
  }

  /** The addresses by which this peer is dialled, while it listens. */
  get addresses(): readonly string[] {
    const certificate = this.#certificate
    const sockets = this.#sockets
    if (!certificate || !sockets) return []
    const far = sockets.hosts.filter((host) => !isLoopback(host))
    const { fingerprint } = certificate
    return (far.length > 0 ? far : sockets.hosts).map((host) =>
      formatDirectAddress({ host, port: sockets.port, fingerprint }),
    )
  }

  async start(host: DirectListenerHost): Promise<void> {
    const { certificate: path, port, host: listenHost } = this.#options
    const werift = await this.#load()
    const certificate = await (path === undefined
      ? makeCertificate(werift)
      : loadCertificate(werift, path))
    const directPort = new DirectPort({
      werift,
      certificate,
      counts: host.counts,
      nowMs: () => performance.now(),
      isFull: () => host.isFull(),
      opened: (pipe, binding, { localHost, host: farHost }) => {
        // Whoever dials the loopback is near, whichever address it has for that.
        const remoteHost = isLoopback(localHost) ? localHost : farHost
        host.accepted({ messageBytesMax, binding, pipe: { at: 'transport', pipe } }, remoteHost)
      },
    })
    const sockets = new DirectSockets({
      port,
      host: listenHost,
      received: (datagram, way) => {
        directPort.receive(datagram, way)
      },
    })
    await sockets.begin()
    this.#certificate = certificate
    this.#port = directPort
    this.#sockets = sockets
  }

  async stop(): Promise<void> {
    // Those that are no channels yet.
    this.#port?.end()
    await this.#sockets?.close()
    this.#port = undefined
    this.#sockets = undefined
    this.#certificate = undefined
  }
}

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}
