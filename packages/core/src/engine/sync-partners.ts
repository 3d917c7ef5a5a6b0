/** Who takes part in sync: peers that have both a link and a virtual connection. */

import type { PeerId } from './identity/peer-id.ts'

/** Each change tells whether the peer has become, or was until now, a partner. */
export class SyncPartners {
  readonly #linked = new Set<PeerId>()
  readonly #connected = new Set<PeerId>()

  isLinked(peer: PeerId): boolean {
    return this.#linked.has(peer)
  }

  linkUp(peer: PeerId): boolean {
    this.#linked.add(peer)
    return this.#connected.has(peer)
  }

  linkDown(peer: PeerId): boolean {
    return this.#linked.delete(peer) && this.#connected.has(peer)
  }

  connected(peer: PeerId): boolean {
    this.#connected.add(peer)
    return this.#linked.has(peer)
  }

  disconnected(peer: PeerId): boolean {
    return this.#connected.delete(peer) && this.#linked.has(peer)
  }
}
