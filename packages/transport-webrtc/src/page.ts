/** The WebRTC transports in pages. Importing them touches nothing. */

import type { Transport } from '@fieldmesh/core/transport'
import type { IceServer } from './connection.ts'
import { DirectTransport } from './direct/direct-transport.ts'
import { loadPageConnector } from './direct/page-connection.ts'
import { loadSimplePeer } from './simple-peer-connection.ts'
import { WebRtcTransport } from './webrtc-transport.ts'

export type { IceServer } from './connection.ts'
export { formatDirectAddress, parseDirectAddress } from './direct/direct-address.ts'
export type { DirectAddress, DirectAddressFault } from './direct/direct-address.ts'

export interface WebRtcOptions {
  /** STUN and TURN servers, for peers in different networks. None are needed within one. */
  readonly iceServers?: readonly IceServer[]
  /**
   * Whether data channels go to the worker of the engine where the browser can move them there, so
   * that a busy page does not hold them up. Default true; false relays all bytes through the page.
   */
  readonly direct?: boolean
}

/** Makes a WebRTC transport. Peers are dialled by id; the mesh carries the signals. */
export function webrtc(options: WebRtcOptions = {}): Transport {
  const { iceServers = [], direct: handsOver = true } = options
  return new WebRtcTransport({ iceServers, handsOver, load: loadSimplePeer })
}

export interface WebRtcDirectOptions {
  /** Addresses of Node peers to dial: `webrtc-direct://HOST:PORT/FINGERPRINT`. */
  readonly addresses?: readonly string[]
}

/**
 * Makes a transport that dials Node peers by their address and the fingerprint of their certificate
 * alone: no signalling, no name, no TLS certificate (docs/specs/direct.md). As with `webrtc`, data
 * channels go to the worker of the engine where the browser can move them there.
 */
export function webrtcDirect(options: WebRtcDirectOptions = {}): Transport {
  return new DirectTransport({ addresses: options.addresses ?? [], load: loadPageConnector })
}
