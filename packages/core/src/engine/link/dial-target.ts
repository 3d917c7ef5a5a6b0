/**
 * One address or peer to dial, and where its attempts stand (rule LK13 of docs/specs/link.md).
 *
 *     waiting ─► dialing ─► handshaking ─► up
 *        ▲          │            │          │
 *        └─ backoff ◄────────────┴──────────┘      standby: the peer is linked by another channel
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'

/** First pause before another attempt, in milliseconds; doubles with each failure. */
export const backoffMsMin = 100

/** Longest pause; also the pause after a refusal that no retry mends. */
export const backoffMsMax = 30_000

/** Pauses differ by up to this part, so that peers which failed together do not return together. */
export const backoffJitter = 0.2

/** A link that lived for so long counts as healthy: the next pause is the shortest again. */
export const healthyAfterMs = 10_000

export type DialState = 'waiting' | 'dialing' | 'handshaking' | 'up' | 'standby' | 'backoff'

/** What is to be dialled. */
export interface DialTargetOptions {
  readonly transport: string
  /** As the transport understands it; the hex id of a wanted peer. */
  readonly address: string
  /** The peer that must answer, when it is wanted by its id. */
  readonly expectedPeer?: PeerId | undefined
  /** The address was found by chance, not given: it is dialled while the mesh layer lets it. */
  readonly isDiscovered?: boolean
  /** Who answers there, as the discovery says; not proven. */
  readonly announcedPeer?: PeerId | undefined
  /** Told of each transition. */
  readonly changed?: (target: DialTarget, reason: string) => void
}

/** A target and its state. Transitions leave an event with their reason. */
export class DialTarget {
  readonly transport: string
  /** As the transport understands it; the hex id of a wanted peer. */
  readonly address: string
  /** The peer that must answer, when it is wanted by its id. */
  readonly expectedPeer: PeerId | undefined
  readonly isDiscovered: boolean
  /** The peer that answered last. */
  peer: PeerId | undefined
  /** It is not dialled: the mesh layer has links enough. */
  isHeld: boolean
  /** The last refusal that was reported as a problem: told once. */
  reportedReason: string | undefined
  readonly #context: EngineContext
  readonly #announcedPeer: PeerId | undefined
  readonly #changed: ((target: DialTarget, reason: string) => void) | undefined
  #state: DialState = 'waiting'
  #failures = 0
  #isHardPause = false
  #upSinceMs = 0
  #backoffUntilMs = 0

  constructor(context: EngineContext, options: DialTargetOptions) {
    this.#context = context
    this.transport = options.transport
    this.address = options.address
    this.expectedPeer = options.expectedPeer
    this.peer = options.expectedPeer
    this.isDiscovered = options.isDiscovered ?? false
    this.isHeld = this.isDiscovered
    this.#announcedPeer = options.announcedPeer
    this.#changed = options.changed
  }

  get state(): DialState {
    return this.#state
  }

  /** The peer that answered last, or that the discovery announces. */
  get likelyPeer(): PeerId | undefined {
    return this.peer ?? this.#announcedPeer
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  /** When the pause ends; `Infinity` when there is none. */
  get backoffUntilMs(): number {
    return this.#state === 'backoff' ? this.#backoffUntilMs : Number.POSITIVE_INFINITY
  }

  enter(state: Exclude<DialState, 'up' | 'backoff'>, reason: string): void {
    this.#enter(state, reason)
  }

  /** The handshake proved that peer. */
  enterUp(peer: PeerId, nowMs: number): void {
    this.peer = peer
    this.reportedReason = undefined
    this.#upSinceMs = nowMs
    this.#enter('up', 'proven')
  }

  /** The attempt or the link came to an end: pause, the longest time if no retry mends it. */
  enterBackoff(reason: string, isHard: boolean, nowMs: number): void {
    if (this.#state === 'up' && nowMs - this.#upSinceMs >= healthyAfterMs) this.#failures = 0
    this.#isHardPause = isHard
    const plainMs = isHard
      ? backoffMsMax
      : Math.min(backoffMsMax, backoffMsMin * 2 ** this.#failures)
    // 2^20 pauses of 100 ms are far beyond the longest one.
    this.#failures = Math.min(this.#failures + 1, 20)
    const jitter = 1 + backoffJitter * (2 * this.#context.random.fraction() - 1)
    this.#backoffUntilMs = nowMs + plainMs * jitter
    this.#enter('backoff', reason)
  }

  /** Ends the pause, and begins with the shortest again; but not a pause that no retry mends. */
  hurry(): void {
    if (this.#state !== 'backoff' || this.#isHardPause) return
    this.#failures = 0
    this.#enter('waiting', 'hurried')
  }

  #enter(state: DialState, reason: string): void {
    const { link } = this.#context.recorder
    link.dialState.record(this.transport, this.address, this.#state, state, reason)
    this.#state = state
    this.#changed?.(this, reason)
  }
}
