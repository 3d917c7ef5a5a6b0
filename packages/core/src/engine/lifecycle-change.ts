/** What happens to the machine, the page and the network that a mesh runs on. Plain data. */

/**
 * - `woke`: nothing ran for a while. The machine slept, or the timers of a page were held.
 * - `hidden`, `visible`: nobody sees the page, or somebody does again.
 * - `frozen`, `resumed`: the browser stops the page and its worker, or lets them run on.
 * - `offline`, `online`: the host has no network, or has one again.
 * - `network-changed`: it has another one.
 */
export type LifecycleTransition =
  'woke' | 'hidden' | 'visible' | 'frozen' | 'resumed' | 'offline' | 'online' | 'network-changed'

/** What told of a transition: an event of the page by its name, or one of these others. */
export type LifecycleReason =
  /** A deadline was handled seconds late. */
  | 'late-deadline'
  /** The wall clock ran ahead of the one that stands still while the machine sleeps. */
  | 'clock-leap'
  /** It was so already when the mesh was opened. */
  | 'opening'
  | 'visibilitychange'
  | 'freeze'
  | 'resume'
  | 'pagehide'
  | 'pageshow'
  | 'offline'
  | 'online'
  /** Network Information: `change` of the connection. */
  | 'connection-change'
  /** A transport has seen interfaces or their addresses come or go. */
  | 'interface-change'

/** What holds after a transition. */
export interface LifecycleState {
  readonly isHidden: boolean
  readonly isFrozen: boolean
  readonly isOnline: boolean
}

/** One transition. */
export interface LifecycleChange {
  readonly transition: LifecycleTransition
  readonly reason: LifecycleReason
  /** Of `woke`: for how long nothing ran, at least, in milliseconds. */
  readonly sleptMs?: number
  readonly state: LifecycleState
}

/** How a mesh begins, until it is told otherwise. */
export const firstLifecycleState: LifecycleState = {
  isHidden: false,
  isFrozen: false,
  isOnline: true,
}
