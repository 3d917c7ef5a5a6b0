/** The WebSocket transport in Node: dials and listens. */

import type { Transport } from '@fieldmesh/core/transport'
import { WebSocketTransport } from './websocket-transport.ts'
import { WsListener } from './ws-listener.ts'
import type { WebSocketListen } from './ws-listener.ts'
import { connectWs } from './ws-websocket.ts'

export type { UpgradingServer, WebSocketListen } from './ws-listener.ts'

export interface WebSocketOptions {
  /** Peers to dial: `wss://HOST/PATH` or `ws://HOST:PORT/PATH`. */
  readonly urls?: readonly string[]
  /** Where to listen; without it, this transport only dials. */
  readonly listen?: WebSocketListen
}

/** A WebSocket transport, and where it listens. */
export interface ListeningTransport extends Transport {
  /** The address that is listened at, with the port that the system chose; else undefined. */
  readonly listening: { readonly host: string; readonly port: number } | undefined
}

/** Makes a WebSocket transport. */
export function websocket(options: WebSocketOptions = {}): ListeningTransport {
  const { urls = [], listen } = options
  const listener = listen ? new WsListener(listen) : undefined
  return new NodeWebSocketTransport(urls, listener)
}

class NodeWebSocketTransport extends WebSocketTransport implements ListeningTransport {
  readonly #listener: WsListener | undefined

  constructor(urls: readonly string[], listener: WsListener | undefined) {
    super({ urls, connect: connectWs, ...(listener ? { listener } : {}) })
    this.#listener = listener
  }

  get listening(): { readonly host: string; readonly port: number } | undefined {
    return this.#listener?.address
  }
}
