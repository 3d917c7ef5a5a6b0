/** A neighbour of a router under test: says what a test wants said, and reads what it is told. */

import type { PeerId } from '../../identity/peer-id.ts'
import { entryHash, type RouteEntry } from './route-entry.ts'
import { decodeRoutingFrame, encodeRoutingFrame, type RoutingFrame } from './routing-frame.ts'

/** Frames with a right digest, and the table that frames add up to. */
export class ToldNeighbour {
  readonly #numbers = new Map<PeerId, { number: number; epoch: number }>()
  readonly #hashes = new Map<PeerId, number>()
  readonly #named = new Map<number, { peer: PeerId; epoch: number }>()
  /** What this neighbour was told and not taken back. */
  readonly table = new Map<PeerId, RouteEntry>()

  /** A table, or an update, of these paths; undefined retracts. */
  frame(
    type: 'table' | 'update',
    paths: Readonly<Record<string, RouteEntry | undefined>>,
  ): Uint8Array {
    if (type === 'table') {
      this.#numbers.clear()
      this.#hashes.clear()
    }
    const entries = Object.entries(paths).map(([id, entry]) => {
      const peer = id as PeerId
      const known = this.#numbers.get(peer)
      const number = known?.number ?? this.#numbers.size
      this.#hashes.set(peer, entry === undefined ? 0 : entryHash(peer, entry))
      if (entry === undefined) return { number, introduced: undefined, path: undefined }
      const { epoch, ...path } = entry
      this.#numbers.set(peer, { number, epoch })
      return { number, introduced: known?.epoch === epoch ? undefined : { peer, epoch }, path }
    })
    let digest = 0
    for (const hash of this.#hashes.values()) digest = (digest ^ hash) >>> 0
    return encodeRoutingFrame({ type, digest, entries })
  }

  /** Reads a frame of the router. */
  hear(bytes: Uint8Array): RoutingFrame | undefined {
    const frame = decodeRoutingFrame(bytes)
    if (frame?.type !== 'table' && frame?.type !== 'update') return frame
    if (frame.type === 'table') this.table.clear()
    for (const { number, introduced, path } of frame.entries) {
      if (introduced !== undefined) this.#named.set(number, introduced)
      const { peer, epoch } = this.#named.get(number)!
      if (path === undefined) this.table.delete(peer)
      else this.table.set(peer, { epoch, ...path })
    }
    return frame
  }
}
