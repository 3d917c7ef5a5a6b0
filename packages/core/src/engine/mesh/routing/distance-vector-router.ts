/**
 * Routes over many hops: a distance vector protocol after Babel (RFC 8966) over links that keep order
 * and lose nothing (docs/specs/routing.md).
 *
 * Each peer tells its neighbours of its path to each destination. What keeps packets from going in
 * circles, at any moment and whatever is under way, is the feasibility condition (rule RO8): a
 * neighbour may be a next hop only if it told of a distance better than any that we ever told.
 *
 * Every input ends in `#settle`, which sends what is due.
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkPort } from '../../link/link-port.ts'
import type { NeighbourQuality, Route, RouteChange, Router } from '../router.ts'
import { DestinationTable } from './destination-table.ts'
import type { Destination } from './destination.ts'
import { NeighbourOffers, type Applied } from './neighbour-offers.ts'
import { isCheaper } from './route-choice.ts'
import { extendEntry, sequenceMax, type RouteEntry } from './route-entry.ts'
import { RouteSelector, type Wish } from './route-selector.ts'
import { RouteTeller } from './route-teller.ts'
import { betterDistance, isBetterDistance, isNewerVersion } from './route-version.ts'
import { decodeRoutingFrame, encodeRoutingFrame, type SequenceRequest } from './routing-frame.ts'
import { SequenceRequests } from './sequence-requests.ts'

/** A metric is told anew when it has moved by this share, so that RTT noise stays at home. */
export const advertisedChangeShare = 0.25
/** A neighbour that we do not agree with is asked for its table at most this often. */
export const tableRequestIntervalMs = 1_000
/** We count up for others at most this often. */
export const sequenceIntervalMs = 100

interface Neighbour {
  readonly peer: PeerId
  quality: NeighbourQuality
  readonly offers: NeighbourOffers
  tableRequestedAtMs: number
}

/** A path, and whether it may be taken. */
interface Candidate {
  readonly route: Route
  readonly isFeasible: boolean
}

/** The router of one peer. */
export class DistanceVectorRouter implements Router {
  readonly #context: EngineContext
  readonly #links: LinkPort
  readonly #table: DestinationTable
  readonly #selector: RouteSelector
  readonly #teller: RouteTeller
  readonly #requests: SequenceRequests
  readonly #self: Destination
  readonly #neighbours = new Map<PeerId, Neighbour>()
  #ownEntry: RouteEntry
  #countedAtMs = -Infinity

  constructor(context: EngineContext, local: PeerId, epoch: number, links: LinkPort) {
    this.#context = context
    this.#links = links
    this.#table = new DestinationTable(
      (destination) => this.#teller.isTold(destination),
      (destination) => this.#teller.forget(destination),
    )
    this.#selector = new RouteSelector(context, this.#table)
    this.#teller = new RouteTeller(context, links, this.#table.byPeer)
    this.#requests = new SequenceRequests(context, links, (...args) => this.#chooseAsked(...args))
    this.#ownEntry = { epoch, sequence: 1, metric: 0, hopCount: 0, sizeClass: 3 }
    this.#self = this.#table.open(local, 0)!
    this.#table.found(this.#self)
    this.#self.advertised = this.#ownEntry
  }

  neighbourUp(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    if (this.#neighbours.has(peer)) this.neighbourDown(peer, nowMs)
    const offers = new NeighbourOffers(this.#self.peer, peer)
    this.#neighbours.set(peer, { peer, quality, offers, tableRequestedAtMs: -Infinity })
    this.#reselect(peer, nowMs)
    this.#teller.neighbourUp(peer, quality, nowMs)
    this.#settle(nowMs)
  }

  neighbourChanged(peer: PeerId, quality: NeighbourQuality, nowMs: number): void {
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) return
    neighbour.quality = quality
    this.#teller.neighbourChanged(peer, quality)
    this.#reselectAll(peer, neighbour.offers.destinations(), nowMs)
    this.#settle(nowMs)
  }

  neighbourDown(peer: PeerId, nowMs: number): void {
    const neighbour = this.#neighbours.get(peer)
    if (neighbour === undefined) return
    this.#neighbours.delete(peer)
    this.#teller.neighbourDown(peer)
    this.#requests.neighbourDown(peer)
    this.#reselectAll(peer, neighbour.offers.destinations(), nowMs)
    this.#settle(nowMs)
  }

  neighbourWritable(peer: PeerId, nowMs: number): void {
    this.#teller.neighbourWritable(peer)
    this.#settle(nowMs)
  }

  frameReceived(from: PeerId, bytes: Uint8Array, nowMs: number): void {
    const neighbour = this.#neighbours.get(from)
    if (neighbour === undefined) return
    const { mesh } = this.#context.recorder
    const frame = decodeRoutingFrame(bytes)
    if (frame === undefined) {
      mesh.routeFramesMalformed.add()
      return
    }
    mesh.routeFramesReceived.add()
    if (frame.type === 'table-request') {
      this.#teller.tableRequested(from, nowMs)
    } else if (frame.type === 'sequence-requests') {
      for (const request of frame.requests) this.#sequenceRequested(from, request, nowMs)
    } else if (frame.type === 'table') {
      this.#applied(neighbour, neighbour.offers.applyTable(frame.digest, frame.entries), nowMs)
    } else {
      this.#applied(neighbour, neighbour.offers.applyUpdate(frame.digest, frame.entries), nowMs)
    }
    this.#settle(nowMs)
  }

  route(destination: PeerId): Route | undefined {
    return this.#selector.route(destination)
  }

  nextHop(destination: PeerId): PeerId | undefined {
    return this.#selector.route(destination)?.nextHop
  }

  reachable(): readonly PeerId[] {
    return this.#selector.reachable()
  }

  poll(): RouteChange | undefined {
    return this.#selector.poll()
  }

  nextDeadlineMs(): number {
    return Math.min(
      this.#teller.nextDeadlineMs(),
      this.#requests.nextDeadlineMs(),
      this.#table.nextDeadlineMs(),
      this.#selector.nextDeadlineMs(),
    )
  }

  handleDeadline(nowMs: number): void {
    for (const destination of this.#selector.due(nowMs)) this.#reselect(destination.peer, nowMs)
    this.#requests.handleDeadline(nowMs)
    this.#table.handleDeadline(nowMs)
    this.#settle(nowMs)
  }

  #settle(nowMs: number): void {
    this.#teller.flush(nowMs)
    this.#requests.flush(nowMs)
  }

  #applied(neighbour: Neighbour, applied: Applied, nowMs: number): void {
    const { mesh } = this.#context.recorder
    mesh.routeEntriesRefused.add(applied.refusedCount)
    for (const destination of applied.touched) this.#reselect(destination, nowMs)
    if (applied.isAgreed || nowMs < neighbour.tableRequestedAtMs + tableRequestIntervalMs) return
    const frame = encodeRoutingFrame({ type: 'table-request' })
    // Refused by a full link, the next frame that does not fit asks again.
    if (this.#links.send(neighbour.peer, 'route', 'control', frame, nowMs) !== 'accepted') return
    neighbour.tableRequestedAtMs = nowMs
    mesh.routeTablesRequested.add()
    mesh.routeBytesSent.add(frame.length)
  }

  #sequenceRequested(from: PeerId, request: SequenceRequest, nowMs: number): void {
    this.#context.recorder.mesh.routeRequestsReceived.add()
    if (request.peer === this.#self.peer) {
      this.#ownSequenceRequested(from, request, nowMs)
      return
    }
    const destination = this.#table.byPeer.get(request.peer)
    const entry = destination?.route?.nextHop === from ? undefined : destination?.advertised
    if (destination !== undefined && entry !== undefined && !isNewerVersion(request, entry)) {
      this.#teller.tell(from, destination, 'at-once', nowMs)
      return
    }
    this.#requests.pass(from, request, nowMs)
  }

  #ownSequenceRequested(from: PeerId, request: SequenceRequest, nowMs: number): void {
    const { epoch, sequence } = this.#ownEntry
    if (request.epoch > epoch) return
    if (request.epoch === epoch && request.sequence > sequence) {
      // Whoever asked too soon asks again.
      if (nowMs < this.#countedAtMs + sequenceIntervalMs || sequence === sequenceMax) return
      this.#countedAtMs = nowMs
      this.#ownEntry = { ...this.#ownEntry, sequence: sequence + 1 }
      this.#self.advertised = this.#ownEntry
      this.#teller.tellAll(this.#self, 'lazily', nowMs)
    }
    this.#teller.tell(from, this.#self, 'at-once', nowMs)
  }

  /** The neighbour over which a newer route is likely to be had: present paths first, then by metric. */
  #chooseAsked(peer: PeerId, attempt: number, except: PeerId | undefined): PeerId | undefined {
    const present = this.#table.byPeer.get(peer)?.route?.nextHop
    const candidates = this.#candidates(peer)
      .map(({ route }) => route)
      .filter(({ nextHop }) => nextHop !== except)
      .toSorted((left, right) => (isCheaper(left, right) ? -1 : 1))
    const first = candidates.findIndex(({ nextHop }) => nextHop === present)
    const offset = Math.max(0, first) + attempt
    return candidates[offset % Math.max(1, candidates.length)]?.nextHop
  }

  #reselectAll(neighbour: PeerId, offered: Iterable<PeerId>, nowMs: number): void {
    this.#reselect(neighbour, nowMs)
    for (const destination of offered) {
      if (destination !== neighbour) this.#reselect(destination, nowMs)
    }
  }

  /** Chooses anew among all paths to one destination. Linear in the number of neighbours. */
  #reselect(peer: PeerId, nowMs: number): void {
    if (peer === this.#self.peer) return
    const candidates = this.#candidates(peer)
    if (candidates.length === 0 && !this.#table.byPeer.has(peer)) return
    const destination = this.#table.open(peer, nowMs)
    if (destination === undefined) {
      this.#context.recorder.mesh.routeEntriesRefused.add()
      return
    }
    const formerNextHop = destination.route?.nextHop
    const feasible = routesOf(candidates, true)
    const unfeasible = routesOf(candidates, false)
    const wish = this.#selector.choose(destination, feasible, unfeasible, nowMs)
    if (destination.route !== undefined) this.#requests.withdraw(peer)
    if (wish !== undefined) this.#ask(destination, wish, nowMs)
    this.#advertise(destination, formerNextHop, nowMs)
  }

  /** Every path to the destination, one a neighbour that has one. */
  #candidates(peer: PeerId): Candidate[] {
    const distance = this.#table.byPeer.get(peer)?.distance
    const candidates: Candidate[] = []
    for (const neighbour of this.#neighbours.values()) {
      const candidate = candidateOver(neighbour, peer, distance)
      if (candidate !== undefined) candidates.push(candidate)
    }
    return candidates
  }

  /** Asks for a sequence number that makes any path feasible. */
  #ask({ peer, distance }: Destination, wish: Wish, nowMs: number): void {
    if (distance === undefined || distance.sequence === sequenceMax) return
    const wanted = { epoch: distance.epoch, sequence: distance.sequence + 1 }
    if (wish.type === 'any-path') this.#requests.ask(peer, wanted, nowMs)
    else this.#requests.askOnce(peer, wanted, wish.over, nowMs)
  }

  /** Decides what neighbours are told of the present path, and when. */
  #advertise(destination: Destination, formerNextHop: PeerId | undefined, nowMs: number): void {
    const { route, advertised: former } = destination
    const entry = this.#entryOf(destination)
    // A neighbour that has not told its own version yet: what was told before holds until it has.
    if (route !== undefined && entry === undefined) return
    const nextHop = route?.nextHop
    if (nextHop !== formerNextHop && entry !== undefined) {
      // Those two are told less, or more, than the others: see the split horizon.
      if (formerNextHop !== undefined) this.#teller.tell(formerNextHop, destination, 'soon', nowMs)
      if (nextHop !== undefined) this.#teller.tell(nextHop, destination, 'soon', nowMs)
    }
    if (entry === undefined) {
      destination.advertised = undefined
      if (former !== undefined) this.#teller.tellAll(destination, 'at-once', nowMs)
      return
    }
    const urgency = former === undefined ? 'soon' : urgencyOf(former, entry)
    if (urgency === 'never') return
    destination.advertised = entry
    const { epoch, sequence, metric } = entry
    destination.distance = betterDistance(destination.distance, { epoch, sequence, metric })
    this.#teller.tellAll(destination, urgency, nowMs)
    const requesters = this.#requests.answered(destination.peer, entry)
    for (const requester of requesters ?? []) {
      this.#teller.tell(requester, destination, 'at-once', nowMs)
    }
  }

  /** The present path as others see it. */
  #entryOf({ peer, route }: Destination): RouteEntry | undefined {
    const neighbour = route && this.#neighbours.get(route.nextHop)
    const offer = neighbour?.offers.get(peer)
    return neighbour && offer && extendEntry(offer.entry, neighbour.quality)
  }
}

/** The path over a neighbour, which may be the destination itself. */
function candidateOver(
  { peer: nextHop, quality, offers }: Neighbour,
  destination: PeerId,
  distance: Destination['distance'],
): Candidate | undefined {
  if (nextHop === destination) {
    // The end of the path: no circle leads through it.
    const { metric, sizeClass } = quality
    return { route: { nextHop, metric, sizeClass, hopCount: 1 }, isFeasible: true }
  }
  const offer = offers.get(destination)
  const entry = offer && extendEntry(offer.entry, quality)
  if (offer === undefined || entry === undefined) return undefined
  const { metric, sizeClass, hopCount } = entry
  const isFeasible = distance === undefined || isBetterDistance(offer.bound, distance)
  return { route: { nextHop, metric, sizeClass, hopCount }, isFeasible }
}

/** How soon neighbours learn of another path. */
function urgencyOf(former: RouteEntry, entry: RouteEntry): 'soon' | 'lazily' | 'never' {
  const isMoved = Math.abs(entry.metric - former.metric) >= former.metric * advertisedChangeShare
  const isOther = entry.hopCount !== former.hopCount || entry.sizeClass !== former.sizeClass
  if (isMoved || isOther || entry.epoch !== former.epoch) return 'soon'
  return entry.sequence === former.sequence ? 'never' : 'lazily'
}

function routesOf(candidates: readonly Candidate[], isFeasible: boolean): readonly Route[] {
  return candidates
    .filter((candidate) => candidate.isFeasible === isFeasible)
    .map(({ route }) => route)
}
