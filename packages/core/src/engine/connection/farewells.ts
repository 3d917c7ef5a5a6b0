/** The last packets of closed connections, for peers that missed them (rule CN21). */

import type { PeerId } from '../identity/peer-id.ts'
import type { ConnectionId } from './packet.ts'

/** Farewells kept at once; beyond it the oldest is forgotten. */
export const farewellsMax = 64

/** A peer that still sends asks within this time. */
export const farewellMsMax = 10_000

interface Farewell {
  readonly peer: PeerId
  readonly packet: Uint8Array
  readonly expiresAtMs: number
}

/** By the id that the closed connection had here. */
export class Farewells {
  readonly #farewells = new Map<ConnectionId, Farewell>()

  get size(): number {
    return this.#farewells.size
  }

  keep(connection: ConnectionId, peer: PeerId, packet: Uint8Array, nowMs: number): void {
    for (const [id, { expiresAtMs }] of this.#farewells) {
      if (this.#farewells.size < farewellsMax && expiresAtMs > nowMs) break
      this.#farewells.delete(id)
    }
    this.#farewells.set(connection, { peer, packet, expiresAtMs: nowMs + farewellMsMax })
  }

  /** What to say to a peer that still sends on the connection; `undefined` when it is forgotten. */
  find(connection: ConnectionId, peer: PeerId, nowMs: number): Uint8Array | undefined {
    const farewell = this.#farewells.get(connection)
    return farewell?.peer === peer && farewell.expiresAtMs > nowMs ? farewell.packet : undefined
  }
}
