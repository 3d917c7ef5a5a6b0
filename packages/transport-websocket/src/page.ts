/** The WebSocket transport in pages and workers: dials only. */

import type { Transport } from '@fieldmesh/core/transport'
import { connectNative } from './native-websocket.ts'
import { WebSocketTransport } from './websocket-transport.ts'

export interface WebSocketOptions {
  /** Peers to dial: `wss://HOST/PATH` or `ws://HOST:PORT/PATH`. */
  readonly urls?: readonly string[]
}

/** Makes a WebSocket transport. */
export function websocket(options: WebSocketOptions = {}): Transport {
  return new WebSocketTransport({ urls: options.urls ?? [], connect: connectNative })
}
