/** The WebRTC transport in Node, by werift. Importing it touches nothing. */

import type { Transport } from '@fieldmesh/core/transport'
import type { IceServer } from './connection.ts'
import { WebRtcTransport } from './webrtc-transport.ts'
import { loadWeriftConnector } from './werift-connection.ts'

export type { IceServer } from './connection.ts'

export interface WebRtcOptions {
  /** STUN and TURN servers, for peers in different networks. None are needed within one. */
  readonly iceServers?: readonly IceServer[]
  /** Further addresses of this machine to offer; loopback is, when there is no other. */
  readonly hostAddresses?: readonly string[]
  /** For pages, see there. Without effect in Node, where transports share the engine's thread. */
  readonly direct?: boolean
}

/**
 * Makes a WebRTC transport. Peers are dialled by id; the mesh carries the signals. Needs the
 * package `werift`, which `start` loads.
 */
export function webrtc(options: WebRtcOptions = {}): Transport {
  const { iceServers = [], hostAddresses = [] } = options
  const load = async () => loadWeriftConnector({ hostAddresses })
  return new WebRtcTransport({ iceServers, handsOver: false, load })
}
