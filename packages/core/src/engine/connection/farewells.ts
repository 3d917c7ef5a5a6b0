/** The last packets of closed connections, for peers that missed them (rule CN21). */

import type { PeerId } from '../identity/peer-id.ts'
import type { ConnectionId } from './packet.ts'
import { repeatMs } from './repetition.ts'

/** Farewells kept at once; beyond it the oldest is forgotten. */
export const farewellsMax = 64

/** A peer that still sends asks within this time. */
export const farewellMsMax = 10_000

interface Farewell {
  readonly peer: PeerId
  readonly packet: Uint8Array
  readonly expiresAtMs: number
  /** When it may be said again, and how much later then. */
  dueAtMs: number
  pauseMs: number
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
    const expiresAtMs = nowMs + farewellMsMax
    const farewell = { peer, packet, expiresAtMs, dueAtMs: nowMs, pauseMs: repeatMs }
    this.#farewells.set(connection, farewell)
  }

  /**
   * What to say to a peer that still sends on the connection; `undefined` when it is forgotten. Nothing
   * for a while after each time: what comes may be a farewell too, which looks like any packet, and two
   * ends that answer each other's would do so for ever.
   */
  answer(
    connection: ConnectionId,
    peer: PeerId,
    nowMs: number,
  ): Uint8Array | 'nothing' | undefined {
    const farewell = this.#farewells.get(connection)
    if (farewell?.peer !== peer || farewell.expiresAtMs <= nowMs) return undefined
    if (nowMs < farewell.dueAtMs) return 'nothing'
    farewell.dueAtMs = nowMs + farewell.pauseMs
    farewell.pauseMs *= 2
    return farewell.packet
  }
}
