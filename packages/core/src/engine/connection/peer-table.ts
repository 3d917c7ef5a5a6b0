/** The peers of one engine that have a connection or are on the way to one. */

import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import type { PeerEntry } from './peer-entry.ts'

/** Peers with a connection or on the way to one. Beyond it `open` is refused, openings are dropped. */
export const connectionsMax = 1024

/** Entries by peer id, in the order in which they are served. */
export class PeerTable {
  readonly #packets: PacketPort
  readonly #entries = new Map<PeerId, PeerEntry>()

  constructor(packets: PacketPort) {
    this.#packets = packets
  }

  get size(): number {
    return this.#entries.size
  }

  /** Another peer must not be added. */
  get isFull(): boolean {
    return this.#entries.size >= connectionsMax
  }

  /** Entries may be removed while they are walked through. */
  [Symbol.iterator](): Iterator<PeerEntry> {
    return this.#entries.values()
  }

  get(peer: PeerId): PeerEntry | undefined {
    return this.#entries.get(peer)
  }

  /** Adds a peer that nothing is going on with; only while the table is not full. */
  add(peer: PeerId, nowMs: number): PeerEntry {
    const hasRoute = this.#packets.payloadBytesMax(peer) > 0
    const entry: PeerEntry = {
      peer,
      connection: undefined,
      opening: undefined,
      answering: undefined,
      wanted: false,
      unreachableSinceMs: hasRoute ? undefined : nowMs,
    }
    this.#entries.set(peer, entry)
    return entry
  }

  /** Who goes first now goes last next time. */
  moveToEnd(entry: PeerEntry): void {
    this.#entries.delete(entry.peer)
    this.#entries.set(entry.peer, entry)
  }

  /** Forgets the peer when nothing is going on with it, and nobody wants anything of it. */
  removeIfIdle(entry: PeerEntry): void {
    const rest = entry.connection ?? entry.opening ?? entry.answering
    if (rest === undefined && !entry.wanted) this.#entries.delete(entry.peer)
  }
}
