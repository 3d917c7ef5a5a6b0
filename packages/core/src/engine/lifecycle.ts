/**
 * The life of what this peer runs on: sleep, the page, the network. Each transition is one event with
 * what told of it (rule LK42). The engine gives nothing up by it: it asks its neighbours for a sign
 * of life, and dials again at once, where that helps.
 */

import { unreachable } from './assert.ts'
import type { EngineContext } from './context.ts'
import {
  firstLifecycleState,
  type LifecycleChange,
  type LifecycleReason,
  type LifecycleState,
  type LifecycleTransition,
} from './lifecycle-change.ts'
import type { Neighbourhood } from './link/neighbourhood.ts'

/** See the file header. Each transition goes to `changed`. */
export class Lifecycle {
  readonly #context: EngineContext
  readonly #neighbourhood: Neighbourhood
  readonly #changed: (change: LifecycleChange) => void
  #state = firstLifecycleState

  constructor(
    context: EngineContext,
    neighbourhood: Neighbourhood,
    changed: (change: LifecycleChange) => void,
  ) {
    this.#context = context
    this.#neighbourhood = neighbourhood
    this.#changed = changed
  }

  /** The neighbourhood has found that nothing ran for so long. */
  woke(sleptMs: number, reason: LifecycleReason): void {
    this.#tell('woke', reason, this.#state, sleptMs)
  }

  /** The host says so. What it is already is no transition. */
  told(
    transition: Exclude<LifecycleTransition, 'woke'>,
    reason: LifecycleReason,
    nowMs: number,
  ): void {
    const state = this.#after(transition)
    if (transition !== 'network-changed' && isSameState(state, this.#state)) return
    this.#tell(transition, reason, state, undefined)
    switch (transition) {
      case 'hidden':
      case 'visible':
        this.#neighbourhood.setHidden(state.isHidden, nowMs)
        return
      case 'resumed':
      case 'online':
      case 'network-changed':
        this.#neighbourhood.hurry(nowMs)
        return
      case 'frozen':
      case 'offline':
        // Which links are dead is found out, and all are dialled again until they are there.
        return
      default:
        unreachable(transition)
    }
  }

  #after(transition: Exclude<LifecycleTransition, 'woke'>): LifecycleState {
    const state = this.#state
    switch (transition) {
      case 'hidden':
      case 'visible':
        return { ...state, isHidden: transition === 'hidden' }
      case 'frozen':
      case 'resumed':
        return { ...state, isFrozen: transition === 'frozen' }
      case 'offline':
      case 'online':
        return { ...state, isOnline: transition === 'online' }
      case 'network-changed':
        return state
      default:
        return unreachable(transition)
    }
  }

  #tell(
    transition: LifecycleTransition,
    reason: LifecycleReason,
    state: LifecycleState,
    sleptMs: number | undefined,
  ): void {
    this.#state = state
    this.#context.recorder.lifecycle.changed.record(transition, reason, Math.round(sleptMs ?? 0))
    this.#changed({ transition, reason, ...(sleptMs !== undefined && { sleptMs }), state })
  }
}

function isSameState(one: LifecycleState, other: LifecycleState): boolean {
  return (
    one.isHidden === other.isHidden &&
    one.isFrozen === other.isFrozen &&
    one.isOnline === other.isOnline
  )
}
