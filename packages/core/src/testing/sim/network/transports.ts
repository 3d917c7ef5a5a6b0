/** The transports of a simulated world, as their peers announce them. */

import type { TransportCapabilities } from '../../../transport/transport.ts'

export interface StartedTransport {
  readonly transport: string
  readonly capabilities: TransportCapabilities
}

/** Transports that are dialled by address: every peer listens at its own name. */
export const addressTransports = ['wire', 'radio', 'post'] as const

/**
 * `wire` is like TCP or a WebSocket, `radio` like Bluetooth, `post` like UDP: it may lose, double and
 * reorder.
 */
export type AddressTransport = (typeof addressTransports)[number]

const byAddress: TransportCapabilities = {
  canListen: true,
  canDial: true,
  needsUserGesture: false,
  needsSignalling: false,
}

export const wireTransport: StartedTransport = { transport: 'wire', capabilities: byAddress }

export const startedTransports: readonly StartedTransport[] = addressTransports.map(
  (transport) => ({ transport, capabilities: byAddress }),
)

/** Dialled by peer id with an offer and an answer through the mesh, like WebRTC. */
export const directTransport: StartedTransport = {
  transport: 'direct',
  capabilities: { ...byAddress, needsSignalling: true },
}
