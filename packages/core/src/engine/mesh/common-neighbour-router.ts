/**
 * Routes of one and two hops: a direct link, or the best neighbour in common (rules RT1 to RT14).
 *
 * Every peer tells its neighbours of its other neighbours. Loops cannot form, whatever is stale:
 * transit only ever leaves over a direct link to its destination, so a packet takes two hops at
 * most. A destination further away has no route here.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { LinkPort } from '../link/link-port.ts'
import { RouteAdvertiser } from './route-advertiser.ts'
import {
  decodeRouteFrame,
  encodeRouteFrame,
  isRetraction,
  routeEntriesMax,
  type RouteEntry,
  type RouteFrame,
} from './route-frame.ts'
import { improvementMs, judgeChallenger } from './route-selection.ts'
import type { NeighbourQuality, Route, RouteChange, Router } from './router.ts'
import { smallerSizeClass } from './size-class.ts'

/** Destinations with a path; further ones stay unreachable, and are counted. */
export const destinationsMax = 4_096
/** After a gap a neighbour is asked for its table at most this often. */
export const tableRequestIntervalMs = 1_000

interface Neighbour {
  quality: NeighbourQuality
  /** The neighbours it told us of: at most `routeEntriesMax`. */
  readonly offers: Map<PeerId, RouteEntry>
  /** Boot and number of its last frame; sequence 0 before its first table. */
  epoch: number
  sequence: number
  requestedAtMs: number
}

interface Selection {
  route: Route
  /** Since when another path has been better by enough; undefined when none is. */
  challengedSinceMs: number | undefined
}

/** The first implementation of `Router`. */
export class CommonNeighbourRouter implements Router {
  readonly #context: EngineContext
  readonly #local: PeerId
  readonly #epoch: number
  readonly #links: LinkPort
  readonly #advertiser: RouteAdvertiser
  readonly #neighbours = new Map<PeerId, Neighbour>()
  readonly #selections = new Map<PeerId, Selection>()
  readonly #changes: RouteChange[] = []

  constructor(context: EngineContext, local: PeerId, epoch: number, links: LinkPort) {
    this.#context = context
    this.#local = local
    this.#epoch = epoch
    this.#links = links
    this.#advertiser = new RouteAdvertiser(context, epoch, links)
  }

  neighbourUp(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    if (this.#neighbours.has(peer)) this.neighbourDown(peer, nowMs)
    const offers = new Map<PeerId, RouteEntry>()
    const requestedAtMs = -Infinity
    this.#neighbours.set(peer, { quality, offers, epoch: 0, sequence: 0, requestedAtMs })
    this.#advertiser.neighbourUp(peer, quality, nowMs)
    this.#reselect(peer, nowMs)
  }

  neighbourChanged(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) return
    neighbour.quality = quality
    this.#advertiser.neighbourChanged(peer, quality, nowMs)
    this.#reselect(peer, nowMs)
    for (const destination of neighbour.offers.keys()) this.#reselect(destination, nowMs)
  }

  neighbourDown(peer: PeerId, nowMs: number): void {
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) return
    this.#neighbours.delete(peer)
    this.#advertiser.neighbourDown(peer, nowMs)
    this.#reselect(peer, nowMs)
    for (const destination of neighbour.offers.keys()) this.#reselect(destination, nowMs)
  }

  neighbourWritable(peer: PeerId, nowMs: number): void {
    this.#advertiser.neighbourWritable(peer, nowMs)
  }

  frameReceived(from: PeerId, bytes: Uint8Array, nowMs: number): void {
    const neighbour = this.#neighbours.get(from)
    if (neighbour === undefined) return
    const { mesh } = this.#context.recorder
    const frame = decodeRouteFrame(bytes)
    if (frame === undefined) {
      mesh.routeFramesMalformed.add()
      return
    }
    if (frame.epoch < neighbour.epoch) {
      mesh.routeFramesStale.add()
      return
    }
    if (frame.epoch > neighbour.epoch) {
      neighbour.epoch = frame.epoch
      neighbour.sequence = 0
    }
    if (frame.type === 'request') this.#advertiser.tableRequested(from, nowMs)
    else this.#advertisementReceived(from, neighbour, frame, nowMs)
  }

  route(destination: PeerId): Route | undefined {
    return this.#selections.get(destination)?.route
  }

  nextHop(destination: PeerId, arrivedFrom: PeerId | undefined): PeerId | undefined {
    if (arrivedFrom === undefined) return this.#selections.get(destination)?.route.nextHop
    return this.#neighbours.has(destination) ? destination : undefined
  }

  reachable(): readonly PeerId[] {
    return [...this.#selections.keys()]
  }

  poll(): RouteChange | undefined {
    return this.#changes.shift()
  }

  nextDeadlineMs(): number {
    let deadlineMs = this.#advertiser.nextDeadlineMs()
    for (const { challengedSinceMs } of this.#selections.values()) {
      if (challengedSinceMs === undefined) continue
      deadlineMs = Math.min(deadlineMs, challengedSinceMs + improvementMs)
    }
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    this.#advertiser.handleDeadline(nowMs)
    for (const [destination, { challengedSinceMs }] of this.#selections) {
      if (challengedSinceMs === undefined || nowMs < challengedSinceMs + improvementMs) continue
      this.#reselect(destination, nowMs)
    }
  }

  #advertisementReceived(
    from: PeerId,
    neighbour: Neighbour,
    frame: Extract<RouteFrame, { type: 'advertisement' }>,
    nowMs: number,
  ): void {
    const { mesh } = this.#context.recorder
    if (frame.sequence <= neighbour.sequence) {
      mesh.routeFramesStale.add()
      return
    }
    if (frame.base !== 0 && frame.base !== neighbour.sequence) {
      this.#requestTable(from, neighbour, nowMs)
      return
    }
    neighbour.sequence = frame.sequence
    mesh.routeFramesReceived.add()
    const touched = new Set<PeerId>()
    if (frame.base === 0) {
      for (const destination of neighbour.offers.keys()) touched.add(destination)
      neighbour.offers.clear()
    }
    for (const entry of frame.entries) {
      if (entry.peer === this.#local || entry.peer === from) continue
      if (isRetraction(entry)) neighbour.offers.delete(entry.peer)
      else if (neighbour.offers.size < routeEntriesMax || neighbour.offers.has(entry.peer)) {
        neighbour.offers.set(entry.peer, entry)
      } else mesh.routeEntriesRefused.add()
      touched.add(entry.peer)
    }
    for (const destination of touched) this.#reselect(destination, nowMs)
  }

  #requestTable(from: PeerId, neighbour: Neighbour, nowMs: number): void {
    if (nowMs < neighbour.requestedAtMs + tableRequestIntervalMs) return
    const frame = encodeRouteFrame({ type: 'request', epoch: this.#epoch })
    // Refused by a full link, the next update that does not fit asks again.
    if (this.#links.send(from, 'route', 'control', frame, nowMs) !== 'accepted') return
    neighbour.requestedAtMs = nowMs
    this.#context.recorder.mesh.routeTablesRequested.add()
  }

  /** Chooses anew among all paths to one destination. Linear in the number of neighbours. */
  #reselect(destination: PeerId, nowMs: number): void {
    const selection = this.#selections.get(destination)
    const present = selection && this.#pathVia(selection.route.nextHop, destination)
    const best = this.#bestPath(destination, present?.nextHop)
    if (selection === undefined) {
      if (best !== undefined) this.#select(destination, undefined, best, 'found')
    } else if (present === undefined) {
      if (best !== undefined) this.#select(destination, selection, best, 'previous-lost')
      else this.#lose(destination, selection)
    } else {
      this.#challenge(destination, selection, present, best, nowMs)
    }
  }

  #challenge(
    destination: PeerId,
    selection: Selection,
    present: Route,
    challenger: Route | undefined,
    nowMs: number,
  ): void {
    const verdict = challenger === undefined ? 'keep' : judgeChallenger(present, challenger)
    if (challenger === undefined || verdict === 'keep') {
      selection.challengedSinceMs = undefined
      this.#refresh(destination, selection, present)
      return
    }
    const sinceMs = selection.challengedSinceMs ?? nowMs
    if (verdict === 'switch-now' || nowMs >= sinceMs + improvementMs) {
      const reason = verdict === 'switch-now' ? 'direct' : 'better'
      this.#select(destination, selection, challenger, reason)
      return
    }
    selection.challengedSinceMs = sinceMs
    this.#refresh(destination, selection, present)
  }

  /** The path over one neighbour, which may be the destination itself. */
  #pathVia(nextHop: PeerId, destination: PeerId): Route | undefined {
    const neighbour = this.#neighbours.get(nextHop)
    if (neighbour === undefined) return undefined
    const { metric, sizeClass } = neighbour.quality
    if (nextHop === destination) return { nextHop, metric, sizeClass, hopCount: 1 }
    const offer = neighbour.offers.get(destination)
    if (offer === undefined) return undefined
    return {
      nextHop,
      metric: metric + offer.metric,
      sizeClass: smallerSizeClass(sizeClass, offer.sizeClass),
      hopCount: 2,
    }
  }

  /** The cheapest path that does not go over `except`; of equal ones the one over the smallest id. */
  #bestPath(destination: PeerId, except: PeerId | undefined): Route | undefined {
    let best: Route | undefined
    for (const nextHop of this.#neighbours.keys()) {
      if (nextHop === except) continue
      const path = this.#pathVia(nextHop, destination)
      if (path !== undefined && (best === undefined || isBetter(path, best))) best = path
    }
    return best
  }

  #select(
    destination: PeerId,
    selection: Selection | undefined,
    route: Route,
    reason: 'found' | 'previous-lost' | 'direct' | 'better',
  ): void {
    const { mesh } = this.#context.recorder
    if (selection === undefined && this.#selections.size >= destinationsMax) {
      mesh.routeEntriesRefused.add()
      return
    }
    this.#selections.set(destination, { route, challengedSinceMs: undefined })
    mesh.routeSelected.record(destination, route.nextHop, route.metric, reason)
    mesh.reachablePeers.set(this.#selections.size)
    const isFormerGone = reason === 'previous-lost'
    const previous = selection?.route
    this.#changes.push({ type: 'route-changed', destination, previous, route, isFormerGone })
  }

  /** The same next hop, measured anew; told upwards only when more than the metric changed. */
  #refresh(destination: PeerId, selection: Selection, route: Route): void {
    const previous = selection.route
    selection.route = route
    if (previous.hopCount === route.hopCount && previous.sizeClass === route.sizeClass) return
    const isFormerGone = false
    this.#changes.push({ type: 'route-changed', destination, previous, route, isFormerGone })
  }

  #lose(destination: PeerId, selection: Selection): void {
    const { mesh } = this.#context.recorder
    this.#selections.delete(destination)
    mesh.routeLost.record(destination, selection.route.nextHop)
    mesh.reachablePeers.set(this.#selections.size)
    const previous = selection.route
    const lost = { previous, route: undefined, isFormerGone: true }
    this.#changes.push({ type: 'route-changed', destination, ...lost })
  }
}

function isBetter(path: Route, than: Route): boolean {
  if (path.metric !== than.metric) return path.metric < than.metric
  return path.nextHop < than.nextHop
}
