/**
 * Routes that a test lays down: for paths that the mesh would not take, and to change
 * them at a time of the test's choice.
 */

import type { PeerId } from '../../../engine/identity/peer-id.ts'
import type { NeighbourQuality, Route, RouteChange, Router } from '../../../engine/mesh/router.ts'

/** A `Router` that knows what it is told, and uses of it what its neighbours make possible. */
export class StaticRouter implements Router {
  readonly #neighbours = new Map<PeerId, NeighbourQuality>()
  readonly #laid = new Map<PeerId, Route>()
  readonly #routes = new Map<PeerId, Route>()
  readonly #changes: RouteChange[] = []

  /** Lays down the route to a destination over a neighbour; or takes it away. */
  lay(destination: PeerId, route: Route | undefined): void {
    if (route === undefined) this.#laid.delete(destination)
    else this.#laid.set(destination, route)
    this.#refresh(destination)
  }

  neighbourUp(peer: PeerId, quality: NeighbourQuality): void {
    this.#neighbours.set(peer, quality)
    this.#refreshAll(peer)
  }

  neighbourChanged(peer: PeerId, quality: NeighbourQuality): void {
    this.neighbourUp(peer, quality)
  }

  neighbourDown(peer: PeerId): void {
    this.#neighbours.delete(peer)
    this.#refreshAll(peer)
  }

  neighbourWritable(): void {}

  frameReceived(): void {}

  route(destination: PeerId): Route | undefined {
    return this.#routes.get(destination)
  }

  nextHop(destination: PeerId): PeerId | undefined {
    return this.#routes.get(destination)?.nextHop
  }

  reachable(): readonly PeerId[] {
    return [...this.#routes.keys()]
  }

  poll(): RouteChange | undefined {
    return this.#changes.shift()
  }

  nextDeadlineMs(): number {
    return Number.POSITIVE_INFINITY
  }

  handleDeadline(): void {}

  #refreshAll(neighbour: PeerId): void {
    this.#refresh(neighbour)
    for (const destination of this.#laid.keys()) this.#refresh(destination)
  }

  #refresh(destination: PeerId): void {
    const previous = this.#routes.get(destination)
    const route = this.#routeTo(destination)
    if (route === undefined) this.#routes.delete(destination)
    else this.#routes.set(destination, route)
    const isSame =
      previous?.nextHop === route?.nextHop &&
      previous?.hopCount === route?.hopCount &&
      previous?.sizeClass === route?.sizeClass
    if (isSame) return
    const isFormerGone = previous !== undefined && !this.#neighbours.has(previous.nextHop)
    this.#changes.push({ type: 'route-changed', destination, previous, route, isFormerGone })
  }

  #routeTo(destination: PeerId): Route | undefined {
    const laid = this.#laid.get(destination)
    if (laid !== undefined) return this.#neighbours.has(laid.nextHop) ? laid : undefined
    const quality = this.#neighbours.get(destination)
    if (quality === undefined) return undefined
    return {
      nextHop: destination,
      metric: quality.metric,
      sizeClass: quality.sizeClass,
      hopCount: 1,
    }
  }
}
