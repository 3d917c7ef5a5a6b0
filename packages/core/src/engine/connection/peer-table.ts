/** The peers of one engine that have a connection or are on the way to one. */

import type { PeerId } from '../identity/peer-id.ts'
import type { PacketPort } from '../mesh/packet-port.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { Offences } from './offences.ts'
import { entryDeadlineMs, type PeerEntry } from './peer-entry.ts'
import { RestingConnections } from './resting-connections.ts'

/**
 * Peers with a connection or on the way to one. Beyond it a resting one gives way; if there is none
 * `open` is refused, and openings are dropped.
 */
export const connectionsMax = 1024

/**
 * Entries by peer id, and which of them need something: time, room in the mesh, memory. Whoever
 * changes an entry calls `changed` afterwards.
 */
export class PeerTable {
  readonly #packets: PacketPort
  readonly #offences: Offences
  readonly #entries = new Map<PeerId, PeerEntry>()
  readonly #deadlines = new DeadlineHeap<PeerEntry>()
  /** In the order in which they are served. */
  readonly #blocked = new Set<PeerEntry>()
  readonly resting = new RestingConnections()

  constructor(packets: PacketPort, offences: Offences) {
    this.#packets = packets
    this.#offences = offences
  }

  /** Another peer can be added, perhaps in the place of one whose connection rests. */
  get hasRoom(): boolean {
    return this.#entries.size < connectionsMax || this.resting.size > 0
  }

  /** Peers beyond the bound: as many resting connections have to be given up. */
  get excessCount(): number {
    return Math.max(0, this.#entries.size - connectionsMax)
  }

  get size(): number {
    return this.#entries.size
  }

  /** The earliest deadline of all; `Infinity` for none. */
  get nextDeadlineMs(): number {
    return this.#deadlines.nextMs
  }

  /** Entries may be removed while they are walked through. */
  [Symbol.iterator](): Iterator<PeerEntry> {
    return this.#entries.values()
  }

  get(peer: PeerId): PeerEntry | undefined {
    return this.#entries.get(peer)
  }

  /** Adds a peer that nothing is going on with; only while there is room. */
  add(peer: PeerId, nowMs: number): PeerEntry {
    const hasRoute = this.#packets.payloadBytesMax(peer) > 0
    const entry: PeerEntry = {
      peer,
      connection: undefined,
      resumption: undefined,
      opening: undefined,
      handshake: undefined,
      answering: undefined,
      wanted: false,
      unreachableSinceMs: hasRoute ? undefined : nowMs,
      pausedUntilMs: this.#offences.pausedUntilMs(peer),
    }
    this.#entries.set(peer, entry)
    return entry
  }

  /** Entries that are due by `nowMs`, each once. */
  takeDue(nowMs: number): readonly PeerEntry[] {
    return this.#deadlines.takeDue(nowMs)
  }

  /** Entries that wait for room in the mesh; who goes first now goes last next time. */
  takeBlocked(): readonly PeerEntry[] {
    const blocked = [...this.#blocked]
    this.#blocked.clear()
    return blocked
  }

  /** Takes note of a change. Forgets the peer when nothing is going on with it, and nobody wants it. */
  changed(entry: PeerEntry): void {
    const { peer, connection, opening, answering, wanted } = entry
    const isIdle = (connection ?? opening ?? answering) === undefined && !wanted
    if (isIdle) this.#entries.delete(peer)
    this.#deadlines.set(entry, isIdle ? Number.POSITIVE_INFINITY : entryDeadlineMs(entry))
    if (opening?.unsent === true || connection?.isBlocked === true) this.#blocked.add(entry)
    else this.#blocked.delete(entry)
    this.resting.update(entry)
  }
}
