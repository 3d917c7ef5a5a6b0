/** What the router holds of one destination (rules RO8 to RO12). */

import type { PeerId } from '../../identity/peer-id.ts'
import type { Route } from '../router.ts'
import type { RouteEntry } from './route-entry.ts'
import type { Distance } from './route-version.ts'

/** One destination, reachable or lost not long ago. Changed by the router alone. */
export interface Destination {
  readonly peer: PeerId
  /** Stands for it in what neighbours are told. */
  readonly number: number
  /** The selected path. */
  route: Route | undefined
  /** What neighbours are told, or about to be; undefined when it is to be retracted. */
  advertised: RouteEntry | undefined
  /** The best distance that was ever advertised: only what is better may be a next hop. */
  distance: Distance | undefined
  /** Since when another path is better by enough. */
  challengedSinceMs: number | undefined
  /** When a newer sequence number was last asked for, for the sake of a better path. */
  wishedAtMs: number
}
