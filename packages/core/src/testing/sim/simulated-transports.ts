/** The two transports of a simulated world, as their peers announce them. */

import type { TransportCapabilities } from '../../transport/transport.ts'

interface StartedTransport {
  readonly transport: string
  readonly capabilities: TransportCapabilities
}

/** Dialled by address, like TCP: every peer listens at its own name. */
export const wireTransport: StartedTransport = {
  transport: 'wire',
  capabilities: {
    canListen: true,
    canDial: true,
    needsUserGesture: false,
    needsSignalling: false,
  },
}

/** Dialled by peer id with an offer and an answer through the mesh, like WebRTC. */
export const directTransport: StartedTransport = {
  transport: 'direct',
  capabilities: {
    canListen: true,
    canDial: true,
    needsUserGesture: false,
    needsSignalling: true,
  },
}
