/**
 * Selects one path to each destination, keeps to it while it is nearly the best, and reports every
 * change (rules RO9 to RO11).
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { Route, RouteChange } from '../router.ts'
import type { DestinationTable } from './destination-table.ts'
import type { Destination } from './destination.ts'
import {
  bestChallenger,
  cheapest,
  improvementMs,
  isSilent,
  type Challenger,
} from './route-choice.ts'

/** A path that must not be taken would be of use, if the destination counted up. */
export type Wish =
  | { readonly type: 'any-path' }
  /** There is a path; the one over this neighbour would be better. */
  | { readonly type: 'better-path'; readonly over: PeerId }

type Reason = 'found' | 'previous-lost' | 'previous-silent' | 'direct' | 'class' | 'better'

/** See the file header. */
export class RouteSelector {
  readonly #context: EngineContext
  readonly #table: DestinationTable
  readonly #selected = new Map<PeerId, Destination>()
  readonly #challenged = new Set<Destination>()
  readonly #changes: RouteChange[] = []

  constructor(context: EngineContext, table: DestinationTable) {
    this.#context = context
    this.#table = table
  }

  route(destination: PeerId): Route | undefined {
    return this.#selected.get(destination)?.route
  }

  reachable(): readonly PeerId[] {
    return [...this.#selected.keys()]
  }

  poll(): RouteChange | undefined {
    return this.#changes.shift()
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity
    for (const destination of this.#challenged) {
      deadlineMs = Math.min(deadlineMs, dueAtMs(destination))
    }
    return deadlineMs
  }

  /** Destinations whose present path was worse than another one for long enough. */
  due(nowMs: number): readonly Destination[] {
    return [...this.#challenged].filter((destination) => nowMs >= dueAtMs(destination))
  }

  /** Chooses among all paths of now. Linear in their number. */
  choose(
    destination: Destination,
    feasible: readonly Route[],
    unfeasible: readonly Route[],
    nowMs: number,
  ): Wish | undefined {
    const former = destination.route
    const present = feasible.find(({ nextHop }) => nextHop === former?.nextHop)
    if (present !== undefined) {
      return this.#challenge(destination, present, feasible, unfeasible, nowMs)
    }
    const best = cheapest(feasible)
    if (best !== undefined) {
      this.#select(destination, best, former === undefined ? 'found' : 'previous-lost')
      return undefined
    }
    if (former !== undefined) this.#lose(destination, former, nowMs)
    return unfeasible.length === 0 ? undefined : { type: 'any-path' }
  }

  #challenge(
    destination: Destination,
    present: Route,
    feasible: readonly Route[],
    unfeasible: readonly Route[],
    nowMs: number,
  ): Wish | undefined {
    const others = feasible.filter((route) => route !== present)
    const challenger = bestChallenger(present, others)
    const wished = bestChallenger(present, unfeasible)
    if (challenger === undefined && wished === undefined) {
      this.#unchallenge(destination)
      this.#refresh(destination, present)
      return undefined
    }
    const sinceMs = destination.challengedSinceMs ?? nowMs
    const isLongEnough = nowMs >= sinceMs + improvementMs
    if (challenger !== undefined && (!challenger.isDelayed || isLongEnough)) {
      this.#select(destination, challenger.route, reasonOf(present, challenger))
      return undefined
    }
    this.#refresh(destination, present)
    this.#challenged.add(destination)
    destination.challengedSinceMs = sinceMs
    if (wished === undefined) return undefined
    const askAtMs = wished.isDelayed ? dueAtMs(destination) : destination.wishedAtMs + improvementMs
    if (nowMs < askAtMs) return undefined
    destination.wishedAtMs = nowMs
    return { type: 'better-path', over: wished.route.nextHop }
  }

  #unchallenge(destination: Destination): void {
    destination.challengedSinceMs = undefined
    this.#challenged.delete(destination)
  }

  #select(destination: Destination, route: Route, reason: Reason): void {
    const { mesh } = this.#context.recorder
    const previous = destination.route
    destination.route = route
    this.#unchallenge(destination)
    this.#table.found(destination)
    this.#selected.set(destination.peer, destination)
    mesh.routeSelected.record(destination.peer, route.nextHop, route.metric, reason)
    mesh.reachablePeers.set(this.#selected.size)
    this.#changed(destination, previous, reason.startsWith('previous'))
  }

  /** The same next hop, measured anew; told upwards only when more than the metric changed. */
  #refresh(destination: Destination, route: Route): void {
    const previous = destination.route
    destination.route = route
    if (previous?.hopCount === route.hopCount && previous.sizeClass === route.sizeClass) return
    this.#changed(destination, previous, false)
  }

  #lose(destination: Destination, previous: Route, nowMs: number): void {
    const { mesh } = this.#context.recorder
    destination.route = undefined
    this.#unchallenge(destination)
    this.#table.lost(destination, nowMs)
    this.#selected.delete(destination.peer)
    mesh.routeLost.record(destination.peer, previous.nextHop)
    mesh.reachablePeers.set(this.#selected.size)
    this.#changed(destination, previous, true)
  }

  #changed(
    { peer: destination, route }: Destination,
    previous: Route | undefined,
    isFormerGone: boolean,
  ): void {
    this.#changes.push({ type: 'route-changed', destination, previous, route, isFormerGone })
  }
}

function reasonOf(present: Route, { route, isDelayed }: Challenger): Reason {
  if (isSilent(present)) return 'previous-silent'
  if (isDelayed) return 'better'
  return route.hopCount === 1 ? 'direct' : 'class'
}

/** When to look again: the present path was worse for long enough, or nobody answered. */
function dueAtMs({ challengedSinceMs, wishedAtMs }: Destination): number {
  return Math.max(challengedSinceMs ?? Infinity, wishedAtMs) + improvementMs
}
