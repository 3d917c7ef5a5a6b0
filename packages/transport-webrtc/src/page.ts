/** The WebRTC transport in pages, by simple-peer. Importing it touches nothing. */

import type { Transport } from '@fieldmesh/core/transport'
import type { IceServer } from './connection.ts'
import { loadSimplePeer } from './simple-peer-connection.ts'
import { WebRtcTransport } from './webrtc-transport.ts'

export type { IceServer } from './connection.ts'

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
