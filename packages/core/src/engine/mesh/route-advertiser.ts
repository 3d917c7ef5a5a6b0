/**
 * What each neighbour is told of our other neighbours, and when (rules RT2 to RT6).
 *
 * A new neighbour gets the whole table; afterwards changes only, batched, retractions at once. What
 * a full link refuses is kept as a set of destinations, so it never grows beyond the table.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkPort } from '../link/link-port.ts'
import { metricInfinite } from './metric.ts'
import { encodeRouteFrame, routeEntriesMax, type RouteEntry } from './route-frame.ts'
import type { NeighbourQuality } from './router.ts'

/** Changes within this time travel together: a peer that joins brings several at once. */
export const advertisementBatchMs = 50
/** A metric is told anew when it has moved by this share, so that RTT noise stays at home. */
export const advertisedChangeShare = 0.25
/** A neighbour that keeps asking gets the whole table at most this often. */
export const tableIntervalMs = 1_000

interface Audience {
  /** Sequence number of the last frame it got; 0 when it needs the whole table. */
  base: number
  /** Destinations to tell it of. */
  readonly pending: Set<PeerId>
  /** Its link said full. */
  blocked: boolean
  tableSentAtMs: number
}

/** Tells neighbours of neighbours. */
export class RouteAdvertiser {
  readonly #context: EngineContext
  readonly #links: LinkPort
  readonly #epoch: number
  readonly #audiences = new Map<PeerId, Audience>()
  /** The quality that others were last told of. */
  readonly #advertised = new Map<PeerId, NeighbourQuality>()
  #sequence = 0
  #flushDeadlineMs = Infinity

  constructor(context: EngineContext, epoch: number, links: LinkPort) {
    this.#context = context
    this.#epoch = epoch
    this.#links = links
  }

  /** Sends the table to a new neighbour, and schedules telling the others of it. */
  neighbourUp(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    const audience = {
      base: 0,
      pending: new Set<PeerId>(),
      blocked: false,
      tableSentAtMs: -Infinity,
    }
    this.#audiences.set(peer, audience)
    this.#advertised.set(peer, quality)
    this.#announce(peer)
    this.#flush(peer, audience, nowMs)
    this.#schedule(nowMs + advertisementBatchMs)
  }

  /** Schedules telling the others, when the change is worth it. */
  neighbourChanged(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    const told = this.#advertised.get(peer)
    if (told === undefined) return
    const change = Math.abs(quality.metric - told.metric)
    if (change < told.metric * advertisedChangeShare && quality.sizeClass === told.sizeClass) return
    this.#advertised.set(peer, quality)
    this.#announce(peer)
    this.#schedule(nowMs + advertisementBatchMs)
  }

  /** Retracts it, at once. */
  neighbourDown(peer: PeerId, nowMs: number): void {
    this.#audiences.delete(peer)
    this.#advertised.delete(peer)
    this.#announce(peer)
    this.#flushAll(nowMs)
  }

  neighbourWritable(peer: PeerId, nowMs: number): void {
    const audience = this.#audiences.get(peer)
    if (audience === undefined || !audience.blocked) return
    audience.blocked = false
    this.#flush(peer, audience, nowMs)
  }

  /** The neighbour missed something and asks for the whole table. */
  tableRequested(peer: PeerId, nowMs: number): void {
    const audience = this.#audiences.get(peer)
    if (audience === undefined) return
    audience.base = 0
    const dueMs = audience.tableSentAtMs + tableIntervalMs
    if (nowMs < dueMs) this.#schedule(dueMs)
    else this.#flush(peer, audience, nowMs)
  }

  nextDeadlineMs(): number {
    return this.#flushDeadlineMs
  }

  handleDeadline(nowMs: number): void {
    if (nowMs >= this.#flushDeadlineMs) this.#flushAll(nowMs)
  }

  #announce(destination: PeerId): void {
    for (const [peer, audience] of this.#audiences) {
      if (peer !== destination) audience.pending.add(destination)
    }
  }

  #schedule(atMs: number): void {
    this.#flushDeadlineMs = Math.min(this.#flushDeadlineMs, atMs)
  }

  #flushAll(nowMs: number): void {
    this.#flushDeadlineMs = Infinity
    for (const [peer, audience] of this.#audiences) {
      if (audience.pending.size > 0 || audience.base === 0) this.#flush(peer, audience, nowMs)
    }
  }

  #flush(peer: PeerId, audience: Audience, nowMs: number): void {
    if (audience.blocked) return
    const destinations = audience.base === 0 ? this.#advertised.keys() : audience.pending
    const entries: RouteEntry[] = []
    const told: PeerId[] = []
    for (const destination of destinations) {
      if (destination === peer) continue
      if (entries.length === routeEntriesMax) break
      entries.push(this.#entry(destination))
      told.push(destination)
    }
    const sequence = this.#sequence + 1
    const { base } = audience
    const epoch = this.#epoch
    const frame = encodeRouteFrame({ type: 'advertisement', epoch, sequence, base, entries })
    const result = this.#links.send(peer, 'route', 'control', frame, nowMs)
    // Without a link its end is on its way up to us, and takes the audience with it.
    if (result === 'no-link') return
    if (result === 'full') {
      audience.blocked = true
      return
    }
    this.#context.recorder.mesh.routeFramesSent.add()
    this.#sequence = sequence
    audience.base = sequence
    if (base === 0) {
      audience.pending.clear()
      audience.tableSentAtMs = nowMs
    } else for (const destination of told) audience.pending.delete(destination)
    if (audience.pending.size > 0) this.#schedule(nowMs + advertisementBatchMs)
  }

  #entry(peer: PeerId): RouteEntry {
    const quality = this.#advertised.get(peer)
    if (quality === undefined) return { peer, metric: metricInfinite, sizeClass: 0 }
    return { peer, ...quality }
  }
}
