/**
 * Tells neighbours of routes: hands the frames of each audience to its link (rules RO5 to RO7).
 *
 * What a full link refuses waits, as part of its audience, until the link is writable.
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkPort } from '../../link/link-port.ts'
import type { NeighbourQuality } from '../router.ts'
import { Audience, type Urgency } from './audience.ts'
import type { Destination } from './destination.ts'

/** A neighbour that keeps asking gets the whole table at most this often. */
export const tableIntervalMs = 1_000

interface Listener {
  readonly audience: Audience
  /** No table sooner. */
  tableAllowedAtMs: number
  /** It asked too soon; it gets the table when it is allowed. */
  isTableOwed: boolean
}

/** See the file header. */
export class RouteTeller {
  readonly #context: EngineContext
  readonly #links: LinkPort
  readonly #destinations: ReadonlyMap<PeerId, Destination>
  readonly #listeners = new Map<PeerId, Listener>()

  constructor(
    context: EngineContext,
    links: LinkPort,
    destinations: ReadonlyMap<PeerId, Destination>,
  ) {
    this.#context = context
    this.#links = links
    this.#destinations = destinations
  }

  neighbourUp(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    const audience = new Audience(peer, quality.bytesPerSecond)
    audience.tellTable(this.#destinations.values(), nowMs)
    const tableAllowedAtMs = nowMs + tableIntervalMs
    this.#listeners.set(peer, { audience, tableAllowedAtMs, isTableOwed: false })
  }

  neighbourChanged(peer: PeerId, quality: NeighbourQuality): void {
    this.#listeners.get(peer)?.audience.bandwidth.linkChanged(quality.bytesPerSecond)
  }

  neighbourDown(peer: PeerId): void {
    this.#listeners.delete(peer)
  }

  neighbourWritable(peer: PeerId): void {
    const listener = this.#listeners.get(peer)
    if (listener !== undefined) listener.audience.isBlocked = false
  }

  /** The neighbour lost count of what it was told. */
  tableRequested(peer: PeerId, nowMs: number): void {
    const listener = this.#listeners.get(peer)
    if (listener !== undefined) listener.isTableOwed = true
    this.#payTables(nowMs)
  }

  /** All neighbours are to learn of it. */
  tellAll(destination: Destination, urgency: Urgency, nowMs: number): void {
    for (const { audience } of this.#listeners.values()) {
      audience.tell(destination, urgency, nowMs)
    }
  }

  tell(peer: PeerId, destination: Destination, urgency: Urgency, nowMs: number): void {
    this.#listeners.get(peer)?.audience.tell(destination, urgency, nowMs)
  }

  /** Whether any neighbour was told of a path to it that was not retracted since. */
  isTold(destination: Destination): boolean {
    for (const { audience } of this.#listeners.values()) {
      if (audience.isTold(destination)) return true
    }
    return false
  }

  /** Its number will stand for another one. */
  forget(destination: Destination): void {
    for (const { audience } of this.#listeners.values()) audience.forget(destination)
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity
    for (const { audience, isTableOwed, tableAllowedAtMs } of this.#listeners.values()) {
      deadlineMs = Math.min(deadlineMs, audience.nextDeadlineMs())
      if (isTableOwed) deadlineMs = Math.min(deadlineMs, tableAllowedAtMs)
    }
    return deadlineMs
  }

  /** Sends what is due. */
  flush(nowMs: number): void {
    this.#payTables(nowMs)
    for (const { audience } of this.#listeners.values()) this.#flush(audience, nowMs)
  }

  #payTables(nowMs: number): void {
    for (const listener of this.#listeners.values()) {
      if (!listener.isTableOwed || nowMs < listener.tableAllowedAtMs) continue
      listener.isTableOwed = false
      listener.tableAllowedAtMs = nowMs + tableIntervalMs
      listener.audience.tellTable(this.#destinations.values(), nowMs)
    }
  }

  #flush(audience: Audience, nowMs: number): void {
    for (
      let next = audience.nextFrame(nowMs);
      next !== undefined;
      next = audience.nextFrame(nowMs)
    ) {
      const result = this.#links.send(audience.peer, 'route', 'control', next.frame, nowMs)
      if (result !== 'accepted') {
        // Without a link its end is on its way up to us, and takes the audience with it.
        audience.isBlocked = true
        return
      }
      const { mesh } = this.#context.recorder
      mesh.routeFramesSent.add()
      mesh.routeBytesSent.add(next.frame.length)
      next.accepted()
    }
  }
}
