/**
 * The presence table: the newest verified record of every other peer (rules PR7, PR10, PR11).
 *
 * A record stays while its peer is attached: reachable by routes, or joined to such a peer by links
 * that both ends report. After that it is kept for a while, and dropped.
 */

import type { PeerId } from '../identity/peer-id.ts'
import { comparePresenceVersions, type PresenceRecord } from './presence-record.ts'

/** Records held; a further peer is refused unless a detached record gives way. */
export const presenceRecordsMax = 4_096
/** How long a record outlives the last sight of its peer: a reload or a dead spot is shorter. */
export const detachedMsMax = 60_000

/** A record as it is held and passed on. */
export interface HeldRecord {
  readonly record: PresenceRecord
  /** As its peer signed it. */
  readonly bytes: Uint8Array
  /** Since when its peer is out of sight, or gone by its own word; undefined while attached. */
  detachedSinceMs: number | undefined
}

/** What a sweep found. */
export interface SweepResult {
  readonly dropped: readonly PeerId[]
  /** Somebody was dropped, went out of sight or came back into it. */
  readonly changed: boolean
}

/** Newest record of each peer. */
export class PresenceTable {
  readonly #held = new Map<PeerId, HeldRecord>()

  get size(): number {
    return this.#held.size
  }

  get(peer: PeerId): HeldRecord | undefined {
    return this.#held.get(peer)
  }

  all(): Iterable<HeldRecord> {
    return this.#held.values()
  }

  /** Whether a record of that version would be news. */
  isNews(peer: PeerId, version: { readonly epoch: number; readonly sequence: number }): boolean {
    const held = this.#held.get(peer)
    return held === undefined || comparePresenceVersions(held.record, version) < 0
  }

  /** Holds a verified record that is news. `full` when there is no room for another peer. */
  put(record: PresenceRecord, bytes: Uint8Array, nowMs: number): 'held' | 'full' {
    if (!this.#held.has(record.peer) && this.#held.size >= presenceRecordsMax) {
      const oldest = this.#longestDetached()
      if (oldest === undefined) return 'full'
      this.#held.delete(oldest)
    }
    const detachedSinceMs = record.farewell ? nowMs : undefined
    this.#held.set(record.peer, { record, bytes, detachedSinceMs })
    return 'held'
  }

  /** Whether the record tells of a peer in sight; what it says of its links is then current. */
  isAttached(peer: PeerId): boolean {
    const held = this.#held.get(peer)
    return held !== undefined && held.detachedSinceMs === undefined
  }

  /** Finds out who is attached, and drops who has not been for too long. */
  sweep(isRouted: (peer: PeerId) => boolean, nowMs: number): SweepResult {
    const attached = this.#attached(isRouted)
    const dropped: PeerId[] = []
    let changed = false
    for (const [peer, held] of this.#held) {
      if (attached.has(peer) !== (held.detachedSinceMs === undefined)) {
        held.detachedSinceMs = attached.has(peer) ? undefined : nowMs
        changed = true
      }
      if (nowMs < expiryMsOf(held)) continue
      this.#held.delete(peer)
      dropped.push(peer)
    }
    return { dropped, changed: changed || dropped.length > 0 }
  }

  /** When the first detached record is due to be dropped. */
  nextExpiryMs(): number {
    let expiryMs = Infinity
    for (const held of this.#held.values()) expiryMs = Math.min(expiryMs, expiryMsOf(held))
    return expiryMs
  }

  #attached(isRouted: (peer: PeerId) => boolean): ReadonlySet<PeerId> {
    const attached = new Set<PeerId>()
    const frontier: PeerId[] = []
    const attach = (peer: PeerId): void => {
      if (attached.has(peer)) return
      attached.add(peer)
      frontier.push(peer)
    }
    for (const [peer, { record }] of this.#held) {
      if (!record.farewell && isRouted(peer)) attach(peer)
    }
    for (let peer = frontier.pop(); peer !== undefined; peer = frontier.pop()) {
      for (const neighbour of this.#held.get(peer)?.record.neighbours ?? []) {
        if (this.#lists(neighbour.peer, peer)) attach(neighbour.peer)
      }
    }
    return attached
  }

  #lists(peer: PeerId, neighbour: PeerId): boolean {
    const record = this.#held.get(peer)?.record
    if (record === undefined || record.farewell) return false
    return record.neighbours.some((listed) => listed.peer === neighbour)
  }

  #longestDetached(): PeerId | undefined {
    let found: PeerId | undefined
    let sinceMs = Infinity
    for (const [peer, { detachedSinceMs }] of this.#held) {
      if (detachedSinceMs === undefined || detachedSinceMs >= sinceMs) continue
      found = peer
      sinceMs = detachedSinceMs
    }
    return found
  }
}

/** When the record is dropped; `Infinity` while its peer is attached. */
function expiryMsOf({ detachedSinceMs }: HeldRecord): number {
  return detachedSinceMs === undefined ? Infinity : detachedSinceMs + detachedMsMax
}
