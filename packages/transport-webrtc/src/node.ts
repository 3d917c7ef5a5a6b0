/** The WebRTC transports in Node, by werift. Importing them touches nothing. */

import type { Transport } from '@fieldmesh/core/transport'
import type { IceServer } from './connection.ts'
import type { DirectCounts } from './direct/direct-counts.ts'
import { NodeListener } from './direct/direct-listener.ts'
import { DirectTransport } from './direct/direct-transport.ts'
import { loadNodeConnector } from './direct/node-connector.ts'
import { WebRtcTransport } from './webrtc-transport.ts'
import { loadWerift, loadWeriftConnector } from './werift-connection.ts'

export type { IceServer } from './connection.ts'
export { formatDirectAddress, parseDirectAddress } from './direct/direct-address.ts'
export type { DirectAddress, DirectAddressFault } from './direct/direct-address.ts'
export type { DirectCounts } from './direct/direct-counts.ts'

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

export interface WebRtcDirectOptions {
  /** Addresses of Node peers to dial: `webrtc-direct://HOST:PORT/FINGERPRINT`. */
  readonly addresses?: readonly string[]
  /** Where to be dialled; without it, this transport only dials. */
  readonly listen?: {
    /** UDP; 0 lets the system choose. */
    readonly port: number
    /** Address of an interface; every address of every interface when left out. */
    readonly host?: string
    /**
     * File that the certificate is kept in, made when it is not there: the addresses of this peer
     * are good as long as the file is. Without it, they are until the transport stops.
     */
    readonly certificate?: string
  }
  /** Further addresses of this machine to dial from; loopback is, when there is no other. */
  readonly hostAddresses?: readonly string[]
}

/** A transport of direct dialling, where it listens, and what it has dropped. */
export interface WebRtcDirectTransport extends Transport {
  /** The addresses by which this peer is dialled, while it listens. */
  readonly listening: readonly string[]
  readonly counts: Readonly<DirectCounts>
}

/**
 * Makes a transport by which pages (and Node peers) dial a Node peer by its address and the
 * fingerprint of its certificate alone (docs/specs/direct.md). Needs the package `werift`, which
 * `start` loads.
 */
export function webrtcDirect(options: WebRtcDirectOptions = {}): WebRtcDirectTransport {
  const { addresses = [], listen, hostAddresses = [] } = options
  return new DirectTransport({
    addresses,
    load: async () => loadNodeConnector({ hostAddresses }),
    ...(listen && { listener: new NodeListener(listen, loadWerift) }),
  })
}
