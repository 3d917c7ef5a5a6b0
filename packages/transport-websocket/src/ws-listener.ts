/** The listener for WebSockets, on a port of its own or beside an application's HTTP server. */

import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { ListenerHost, WebSocketListener } from './websocket-transport.ts'
import { subprotocol } from './websocket-protocol.ts'
import { WsPipe, wsOptions } from './ws-websocket.ts'

/** Connections that have not become WebSockets yet, and those that have, on our own server. */
const connectionsMax = 512
/** Time in which a connection must have said what it wants. */
const headersMs = 10_000

interface ListenCommon {
  /** Path that is answered; others are refused, or left to the application. Default `/`. */
  readonly path?: string
  /**
   * Whether pages of an origin may connect; programs send none. Everybody may by default: who
   * belongs to the mesh is settled by the handshake of links, not here.
   */
  readonly acceptsOrigin?: (origin: string | undefined) => boolean
}

/**
 * An `http.Server` or `https.Server`. Told by its shape, because who writes for pages reads these
 * declarations as well, without the types of Node.
 */
export interface UpgradingServer {
  on(event: 'upgrade', listener: (...upgrade: readonly unknown[]) => void): unknown
  readonly listening: boolean
  closeAllConnections(): void
}

/** Where to listen. */
export type WebSocketListen = ListenCommon &
  (
    | {
        /** 0 lets the system choose. */
        readonly port: number
        /** Address of an interface; every interface when left out. */
        readonly host?: string
      }
    | {
        /** An application's own server, which it starts and closes itself. */
        readonly server: UpgradingServer
      }
  )

export class WsListener implements WebSocketListener {
  readonly #listen: WebSocketListen
  readonly #upgrader = new WebSocketServer({
    ...wsOptions,
    noServer: true,
    clientTracking: false,
    handleProtocols: () => subprotocol,
  })
  #server: Server | undefined
  #stopListening: (() => Promise<void>) | undefined

  constructor(listen: WebSocketListen) {
    this.#listen = listen
  }

  /** The address that is listened at, with the port that the system chose. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address()
    if (!address || typeof address === 'string') return undefined
    return { host: address.address, port: address.port }
  }

  async start(host: ListenerHost): Promise<void> {
    const listen = this.#listen
    if ('server' in listen) {
      this.#serve(host, listen.server as Server, async () => {})
      return
    }
    const server = await listenAt(listen)
    this.#serve(host, server, () => closeServer(server))
  }

  async stop(): Promise<void> {
    const stopListening = this.#stopListening
    this.#stopListening = undefined
    this.#server = undefined
    await stopListening?.()
  }

  #serve(host: ListenerHost, server: Server, close: () => Promise<void>): void {
    const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(host, request, socket, head)
    }
    server.on('upgrade', onUpgrade)
    this.#server = server
    this.#stopListening = async () => {
      server.off('upgrade', onUpgrade)
      await close()
    }
  }

  #upgrade(host: ListenerHost, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { path = '/', acceptsOrigin } = this.#listen
    if ((request.url ?? '/').split('?')[0] !== path) {
      // Beside an application another path may be somebody else's.
      if (!('server' in this.#listen)) refuse(socket, '404 Not Found')
      return
    }
    const offered = request.headers['sec-websocket-protocol']?.split(',') ?? []
    if (!offered.some((name) => name.trim() === subprotocol)) {
      refuse(socket, '400 Bad Request')
    } else if (acceptsOrigin && !acceptsOrigin(request.headers.origin)) {
      refuse(socket, '403 Forbidden')
    } else if (host.full) {
      refuse(socket, '503 Service Unavailable')
    } else {
      this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
        host.accepted(new WsPipe(webSocket), request.socket.remoteAddress ?? '')
      })
    }
  }
}

async function listenAt(listen: {
  readonly port: number
  readonly host?: string
}): Promise<Server> {
  // Not at the top: importing it sets Node's global dispatcher of requests, for who only dials too.
  const { createServer } = await import('node:http')
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: headersMs },
    (_request, response) => {
      response.writeHead(426, { upgrade: 'websocket' }).end('This is a Fieldmesh peer.\n')
    },
  )
  server.maxConnections = connectionsMax
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: listen.port, host: listen.host }, () => {
      server.off('error', reject)
      // A connection that could not be accepted (no file descriptor left): the next may be.
      server.on('error', () => undefined)
      resolve(server)
    })
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => undefined)
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
