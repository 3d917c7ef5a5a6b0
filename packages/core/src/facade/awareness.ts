/**
 * Awareness: the passing state (cursor, name, colour) of everybody who has a document open.
 *
 * It has the shape of y-protocols' class of that name, so that the Yjs editor bindings work with it,
 * but neither a timer nor a wire format: when somebody left is the engine's to say.
 */

import type { Doc } from 'yjs'

/** One replica's state: plain JSON. */
export type AwarenessState = { [field: string]: unknown }

/** Client ids whose state came, changed or went. */
export interface AwarenessDelta {
  readonly added: readonly number[]
  readonly updated: readonly number[]
  readonly removed: readonly number[]
}

/** `change`: a state is another than before. `update`: a state was set, be it to the same. */
export type AwarenessEvent = 'change' | 'update'

/** Told what, and whether it was this replica ('local') or another ('remote'). */
export type AwarenessObserver = (delta: AwarenessDelta, origin: 'local' | 'remote') => void

/** A state that came from elsewhere; null when its owner left. */
export interface RemoteAwareness {
  readonly clientId: number
  readonly clock: number
  readonly state: AwarenessState | null
}

export class Awareness {
  readonly doc: Doc
  readonly clientID: number
  /** States by client id, the own one included. */
  readonly states = new Map<number, AwarenessState>()
  /** What y-protocols keeps beside each state. `lastUpdated` stays 0: nothing here expires by a clock. */
  readonly meta = new Map<number, { clock: number; lastUpdated: number }>()
  readonly #observers: Record<AwarenessEvent, Set<AwarenessObserver>> = {
    change: new Set(),
    update: new Set(),
  }

  constructor(doc: Doc) {
    this.doc = doc
    this.clientID = doc.clientID
    this.setLocalState({})
  }

  getLocalState(): AwarenessState | null {
    return this.states.get(this.clientID) ?? null
  }

  /** Replaces the own state; null leaves. */
  setLocalState(state: AwarenessState | null): void {
    const clock = (this.meta.get(this.clientID)?.clock ?? -1) + 1
    this.#emit([this.#set(this.clientID, clock, state)], 'local')
  }

  /** Sets one field of the own state; without effect after leaving. */
  setLocalStateField(field: string, value: unknown): void {
    const state = this.getLocalState()
    if (state !== null) this.setLocalState({ ...state, [field]: value })
  }

  getStates(): Map<number, AwarenessState> {
    return this.states
  }

  on(event: AwarenessEvent, observer: AwarenessObserver): void {
    this.#observers[event]?.add(observer)
  }

  off(event: AwarenessEvent, observer: AwarenessObserver): void {
    this.#observers[event]?.delete(observer)
  }

  /** Takes states in from elsewhere; an older clock, and the own id, are ignored. */
  applyRemote(changes: readonly RemoteAwareness[]): void {
    const outcomes: Outcome[] = []
    for (const { clientId, clock, state } of changes) {
      if (clientId === this.clientID) continue
      const known = this.meta.get(clientId)
      const isNewer = known === undefined || clock > known.clock
      const isFarewell = known?.clock === clock && state === null
      if (isNewer || isFarewell) outcomes.push(this.#set(clientId, clock, state))
    }
    this.#emit(outcomes, 'remote')
  }

  /** Leaves, and forgets every observer. */
  destroy(): void {
    this.setLocalState(null)
    this.#observers.change.clear()
    this.#observers.update.clear()
  }

  #set(clientId: number, clock: number, state: AwarenessState | null): Outcome {
    const before = this.states.get(clientId)
    this.meta.set(clientId, { clock, lastUpdated: 0 })
    if (state === null) this.states.delete(clientId)
    else this.states.set(clientId, state)
    if (before === undefined) return { clientId, kind: state === null ? 'none' : 'added' }
    if (state === null) return { clientId, kind: 'removed' }
    return { clientId, kind: sameJson(before, state) ? 'repeated' : 'updated' }
  }

  #emit(outcomes: readonly Outcome[], origin: 'local' | 'remote'): void {
    const ids = (...kinds: readonly Outcome['kind'][]) =>
      outcomes.filter(({ kind }) => kinds.includes(kind)).map(({ clientId }) => clientId)
    const added = ids('added')
    const removed = ids('removed')
    const change = { added, updated: ids('updated'), removed }
    const update = { added, updated: ids('updated', 'repeated'), removed }
    if (isSomething(change)) this.#tell('change', change, origin)
    if (isSomething(update)) this.#tell('update', update, origin)
  }

  #tell(event: AwarenessEvent, delta: AwarenessDelta, origin: 'local' | 'remote'): void {
    // A set may be iterated while an editor binding takes itself out of it.
    for (const observer of this.#observers[event]) observer(delta, origin)
  }
}

interface Outcome {
  readonly clientId: number
  readonly kind: 'added' | 'updated' | 'repeated' | 'removed' | 'none'
}

function isSomething({ added, updated, removed }: AwarenessDelta): boolean {
  return added.length + updated.length + removed.length > 0
}

/** Equality of plain JSON as far as its text tells: another order of keys counts as a change. */
function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
