/** What virtual connections see of the mesh: unreliable packets to any reachable peer. */

import type { PeerId } from '../identity/peer-id.ts'
import type { FramePayload, Priority } from '../link/link-port.ts'

/** `full`: nothing was taken, `packets-writable` follows. */
export type PacketSendResult = 'accepted' | 'full' | 'no-route'

export interface PacketPort {
  /** Sends one payload; it may be lost, doubled or reordered on the way. */
  send(to: PeerId, priority: Priority, payload: FramePayload, nowMs: number): PacketSendResult
  /** Largest payload that the present path takes, in bytes; 0 without a route. */
  payloadBytesMax(to: PeerId): number
}
