/**
 * Which of the addresses that were discovered are dialled (rules LP9 and LP10). Addresses that were given
 * are layer 1's alone.
 */

import type { EngineContext } from '../../context.ts'
import { type BookedDial, type DialBook, isUnderWay } from './dial-book.ts'
import type { LinkReason } from './link-account.ts'
import { isWorse, type MeshView } from './mesh-view.ts'

/** Between two dials that only find out who is at an address, at the least. */
export const exploreIntervalMs = 10_000
/** They differ by up to this part. */
export const exploreJitter = 0.5
/** Addresses dialled at once for want of links. */
export const releasedMax = 3

export interface AddressOutput {
  readonly type: 'hold-address'
  readonly transport: string
  readonly address: string
  readonly isHeld: boolean
}

/** See the file header. */
export class AddressPlanner {
  readonly #context: EngineContext
  readonly #book: DialBook
  readonly #outputs: AddressOutput[] = []
  #exploreAtMs = -Infinity
  #exploreDeadlineMs = Infinity
  #hasExplored = false

  constructor(context: EngineContext, book: DialBook) {
    this.#context = context
    this.#book = book
  }

  /** Addresses that are being dialled for a new link. */
  get soughtCount(): number {
    let count = 0
    for (const dial of this.#book.addresses()) {
      if (dial.isReleased && isUnderWay(dial)) count += 1
    }
    return count
  }

  /** Whether a link may come of finding out who is at an address, since it was last asked. */
  takeExplored(): boolean {
    const hasExplored = this.#hasExplored
    this.#hasExplored = false
    return hasExplored
  }

  poll(): AddressOutput | undefined {
    return this.#outputs.shift()
  }

  nextDeadlineMs(): number {
    return this.#exploreDeadlineMs
  }

  /** `lacking`: links that are wanted and not sought yet. */
  reconsider(view: MeshView, lacking: number, nowMs: number): void {
    let room = Math.min(lacking, releasedMax - this.soughtCount)
    let unknown: BookedDial | undefined
    this.#exploreDeadlineMs = Infinity
    for (const dial of this.#book.addresses()) {
      if (!dial.report.isDiscovered) continue
      const reason = this.#reasonToDial(view, dial, room > 0)
      if (reason === 'lacking-links' && !dial.isReleased) room -= 1
      if (reason !== undefined) this.#hold(dial, false, reason)
      else if (!isUnderWay(dial) || !dial.isReleased) this.#hold(dial, true, 'enough-links')
      if (dial.report.peer !== undefined || dial.isReleased) continue
      if (unknown === undefined || dial.exploredAtMs < unknown.exploredAtMs) unknown = dial
    }
    if (unknown !== undefined) this.#explore(unknown, nowMs)
  }

  #reasonToDial(view: MeshView, dial: BookedDial, hasRoom: boolean): LinkReason | undefined {
    const { peer } = dial.report
    const link = peer === undefined ? undefined : view.links.get(peer)
    if (link !== undefined) return isWorse(link) ? 'better-channel' : undefined
    if (peer !== undefined && view.hopCount(peer) === undefined) return 'unreachable'
    // Those that were let go on until there are links enough.
    return hasRoom ? 'lacking-links' : undefined
  }

  /** Finds out who is at the address that was not tried for longest. */
  #explore(dial: BookedDial, nowMs: number): void {
    if (nowMs < this.#exploreAtMs) {
      this.#exploreDeadlineMs = this.#exploreAtMs
      return
    }
    const jitter = 1 + exploreJitter * this.#context.random.fraction()
    this.#exploreAtMs = nowMs + exploreIntervalMs * jitter
    this.#exploreDeadlineMs = this.#exploreAtMs
    dial.exploredAtMs = nowMs
    this.#hasExplored = true
    this.#hold(dial, false, 'unknown-address')
  }

  #hold(dial: BookedDial, isHeld: boolean, reason: LinkReason): void {
    if (dial.isReleased !== isHeld) return
    dial.isReleased = !isHeld
    if (!isHeld) dial.releaseReason = reason
    const { transport, address, peer } = dial.report
    const state = isHeld ? 'not-wanted' : 'dialling'
    this.#context.recorder.mesh.addressDecided.record(transport, address, peer ?? '', state, reason)
    this.#outputs.push({ type: 'hold-address', transport, address, isHeld })
  }
}
