/**
 * Whom to dial and when (rule LK13 of docs/specs/link.md): addresses that transports report, and
 * peers that the mesh wants over a signalling transport.
 */

import type { EngineContext } from '../context.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { DialId } from '../input.ts'
import type { Output } from '../output.ts'
import type { DialFailureReason, TransportCapabilities } from '../../transport/transport.ts'
import { isHardReason } from './close-reason.ts'
import type { LinkDownReason } from './close-reason.ts'
import { DialTarget } from './dial-target.ts'
import type { DialState, DialTargetOptions } from './dial-target.ts'

/** Dials under way at once; others wait. Each costs the host sockets or ICE candidates. */
export const dialsMax = 4

/** A dial that takes longer is cancelled, in milliseconds. */
export const dialTimeoutMs = 10_000

/** Addresses and wanted peers, each. The newest is refused and counted. */
export const targetsMax = 256

/** Why a wanted peer is dialled no more. */
export type GiveUpReason = DialFailureReason | 'self' | 'transport-stopped' | 'limit'

export type DialerOutput =
  | Extract<Output, { readonly type: 'dial' | 'cancel-dial' }>
  | {
      readonly type: 'dial-given-up'
      readonly peer: PeerId
      readonly transport: string
      readonly reason: GiveUpReason
    }
  /** A target is new, or moved to another state. */
  | { readonly type: 'target-changed'; readonly target: DialReport }
  /** A target is forgotten. */
  | { readonly type: 'target-gone'; readonly target: DialReport }

/** Where a target stands. */
export interface DialReport {
  readonly transport: string
  readonly address: string
  /** Wanted by its peer id; an address otherwise. */
  readonly isWanted: boolean
  /** An address that was found by chance: it is dialled while it is not held. */
  readonly isDiscovered: boolean
  /** The peer that answered last, that is wanted, or that the discovery announces. */
  readonly peer: PeerId | undefined
  readonly state: DialState
  readonly reason: string
  /** Failures in a row. */
  readonly failures: number
  /** When the pause ends; `Infinity` outside of one. */
  readonly nextTryAtMs: number
}

/** How an address was found that nobody gave. */
export interface AddressDiscovery {
  /** Who answers there, as it says; not proven. */
  readonly peer?: PeerId
}

interface Dial {
  readonly target: DialTarget
  readonly deadlineMs: number
  /** Cancelled; only its answer is awaited. */
  cancelled: boolean
}

/** Dial failures that will be the same at the next attempt. */
const finalFailures: ReadonlySet<DialFailureReason> = new Set<DialFailureReason>([
  'bad-address',
  'not-permitted',
  'unsupported',
  'certificate-mismatch',
])

/** All targets of one peer. */
export class Dialer {
  readonly #context: EngineContext
  readonly #transports = new Map<string, TransportCapabilities>()
  readonly #targetsByKey = new Map<string, DialTarget>()
  readonly #dials = new Map<DialId, Dial>()
  readonly #outputs: DialerOutput[] = []
  #nextDialId = 1

  constructor(context: EngineContext) {
    this.#context = context
  }

  poll(): DialerOutput | undefined {
    return this.#outputs.shift()
  }

  transportStarted(transport: string, capabilities: TransportCapabilities, nowMs: number): void {
    this.#transports.set(transport, capabilities)
    this.#startDials(nowMs)
  }

  transportStopped(transport: string, nowMs: number): void {
    this.#transports.delete(transport)
    for (const target of this.#targetsByKey.values()) {
      if (target.transport !== transport) continue
      this.#forget(target)
      this.#giveUp(target, 'transport-stopped')
    }
    this.#startDials(nowMs)
  }

  /** `discovery`: the address was found by chance, and is held until `holdAddress` says otherwise. */
  addressFound(
    transport: string,
    address: string,
    discovery: AddressDiscovery | undefined,
    nowMs: number,
  ): void {
    this.#addTarget({
      transport,
      address,
      isDiscovered: discovery !== undefined,
      announcedPeer: discovery?.peer,
    })
    this.#startDials(nowMs)
  }

  /** Whether an address that was discovered is dialled. What is under way goes on. */
  holdAddress(transport: string, address: string, isHeld: boolean, nowMs: number): void {
    const target = this.#targetsByKey.get(targetKey(transport, address, undefined))
    if (!target?.isDiscovered) return
    target.isHeld = isHeld
    this.#startDials(nowMs)
  }

  addressLost(transport: string, address: string, nowMs: number): void {
    const target = this.#targetsByKey.get(targetKey(transport, address, undefined))
    if (target) this.#forget(target)
    this.#startDials(nowMs)
  }

  /** A peer that is linked over that transport already is dialled when it no longer is. */
  want(peer: PeerId, transport: string, isLinked: boolean, nowMs: number): void {
    const target = this.#addTarget({ transport, address: peer, expectedPeer: peer })
    if (isLinked && target?.state === 'waiting') target.enter('standby', 'linked')
    this.#startDials(nowMs)
  }

  unwant(peer: PeerId, transport: string, nowMs: number): void {
    const target = this.#targetsByKey.get(targetKey(transport, peer, peer))
    if (target) this.#forget(target)
    this.#startDials(nowMs)
  }

  /** A dial opened its channel: the target, unless it is wanted no more. */
  dialOpened(dial: DialId): DialTarget | undefined {
    const entry = this.#dials.get(dial)
    this.#dials.delete(dial)
    if (!entry || !this.#isKnown(entry.target) || entry.target.state !== 'dialing') return undefined
    entry.target.enter('handshaking', 'channel open')
    return entry.target
  }

  /** The target that it was for, unless that is wanted no more. */
  dialFailed(dial: DialId, reason: DialFailureReason, nowMs: number): DialTarget | undefined {
    const entry = this.#dials.get(dial)
    if (!entry) return undefined
    this.#dials.delete(dial)
    this.#context.recorder.link.dialsFailed.add()
    const { target } = entry
    const isWanted = this.#isKnown(target) && !entry.cancelled && target.state === 'dialing'
    if (isWanted) {
      if (finalFailures.has(reason) && target.expectedPeer !== undefined) {
        this.#forget(target)
        this.#giveUp(target, reason)
      } else {
        target.enterBackoff(reason, finalFailures.has(reason), nowMs)
      }
    }
    this.#startDials(nowMs)
    return isWanted ? target : undefined
  }

  /** The target's channel ended, before or after it was up. */
  targetEnded(target: DialTarget, reason: LinkDownReason, nowMs: number): void {
    if (!this.#isKnown(target)) return
    if (reason === 'self' && target.expectedPeer !== undefined) {
      this.#forget(target)
      this.#giveUp(target, 'self')
    } else {
      target.enterBackoff(reason, isHardReason(reason), nowMs)
    }
    this.#startDials(nowMs)
  }

  /** The target's channel made way for another to the same peer: it rests while that lives. */
  targetReplaced(target: DialTarget, reason: LinkDownReason): void {
    if (this.#isKnown(target)) target.enter('standby', reason)
  }

  /** A peer is linked over a transport: its targets there that have no channel rest. */
  peerLinked(peer: PeerId, transport: string): void {
    for (const target of this.#targetsByKey.values()) {
      const isIdle = target.state === 'waiting' || target.state === 'backoff'
      if (target.likelyPeer === peer && target.transport === transport && isIdle) {
        target.enter('standby', 'linked')
      }
    }
  }

  /** A peer is no longer linked, over that transport or over any: resting targets are dialled. */
  peerUnlinked(peer: PeerId, transport: string | undefined, nowMs: number): void {
    for (const target of this.#targetsByKey.values()) {
      if (target.likelyPeer !== peer || target.state !== 'standby') continue
      if (transport !== undefined && target.transport !== transport) continue
      target.enterBackoff('link down', false, nowMs)
    }
  }

  /** Whether a dial may find another path than the one before: those that are signalled do. */
  findsPathsAnew(transport: string): boolean {
    return this.#transports.get(transport)?.needsSignalling === true
  }

  /**
   * The channel of that transport to the peer is silent: a fresh one is dialled beside it. `up` is the
   * target that opened it.
   */
  peerSilent(peer: PeerId, transport: string, up: DialTarget | undefined, nowMs: number): void {
    for (const target of this.#targetsByKey.values()) {
      if (target.likelyPeer !== peer || target.transport !== transport) continue
      if (target === up || target.state === 'standby') target.enterBackoff('silent', false, nowMs)
    }
    this.#startDials(nowMs)
  }

  /** A peer broke a rule: whichever way leads to it is not tried before the longest pause. */
  peerFaulted(peer: PeerId, reason: LinkDownReason, nowMs: number): void {
    for (const target of this.#targetsByKey.values()) {
      const isIdle = target.state === 'waiting' || target.state === 'backoff'
      if (target.peer === peer && isIdle) target.enterBackoff(reason, true, nowMs)
    }
  }

  /** The mesh is being closed: nothing is dialled any more. */
  stop(): void {
    for (const target of this.#targetsByKey.values()) this.#forget(target)
    this.#transports.clear()
  }

  handleDeadline(nowMs: number): void {
    for (const [dial, entry] of this.#dials) {
      if (entry.cancelled || nowMs < entry.deadlineMs) continue
      this.#cancel(dial, entry)
      entry.target.enterBackoff('timeout', false, nowMs)
    }
    for (const target of this.#targetsByKey.values()) {
      if (nowMs >= target.backoffUntilMs) target.enter('waiting', 'pause over')
    }
    this.#startDials(nowMs)
  }

  /** No target waits any longer, but for those that no retry mends. */
  hurry(nowMs: number): void {
    for (const target of this.#targetsByKey.values()) target.hurry()
    this.#startDials(nowMs)
  }

  nextDeadlineMs(): number {
    let deadlineMs = Number.POSITIVE_INFINITY
    for (const { cancelled, deadlineMs: dialDeadlineMs } of this.#dials.values()) {
      if (!cancelled) deadlineMs = Math.min(deadlineMs, dialDeadlineMs)
    }
    for (const target of this.#targetsByKey.values()) {
      deadlineMs = Math.min(deadlineMs, target.backoffUntilMs)
    }
    return deadlineMs
  }

  #addTarget(options: DialTargetOptions): DialTarget | undefined {
    const { transport, address, expectedPeer } = options
    const key = targetKey(transport, address, expectedPeer)
    const known = this.#targetsByKey.get(key)
    if (known) return known
    const changed = (changedTarget: DialTarget, reason: string): void => {
      if (this.#isKnown(changedTarget)) this.#report('target-changed', changedTarget, reason)
    }
    const target = new DialTarget(this.#context, { ...options, changed })
    if (this.#countLike(target) >= targetsMax) {
      this.#context.recorder.link.targetsRefused.add()
      this.#giveUp(target, 'limit')
      return undefined
    }
    this.#targetsByKey.set(key, target)
    this.#context.recorder.link.targets.set(this.#targetsByKey.size)
    this.#report('target-changed', target, 'new')
    return target
  }

  #report(type: 'target-changed' | 'target-gone', target: DialTarget, reason: string): void {
    const { transport, address, expectedPeer, isDiscovered, state, failures } = target
    const report: DialReport = {
      transport,
      address,
      isWanted: expectedPeer !== undefined,
      isDiscovered,
      peer: target.likelyPeer,
      state,
      reason,
      failures,
      nextTryAtMs: target.backoffUntilMs,
    }
    this.#outputs.push({ type, target: report })
  }

  /** Targets of the same sort: wanted peers do not crowd out addresses, nor the other way round. */
  #countLike(target: DialTarget): number {
    let count = 0
    for (const other of this.#targetsByKey.values()) {
      if ((other.expectedPeer === undefined) === (target.expectedPeer === undefined)) count += 1
    }
    return count
  }

  #startDials(nowMs: number): void {
    let running = 0
    for (const dial of this.#dials.values()) if (!dial.cancelled) running += 1
    for (const target of this.#targetsByKey.values()) {
      if (running >= dialsMax) return
      if (target.state !== 'waiting' || target.isHeld || !this.#canDial(target)) continue
      const dial = this.#nextDialId
      this.#nextDialId += 1
      this.#dials.set(dial, { target, deadlineMs: nowMs + dialTimeoutMs, cancelled: false })
      target.enter('dialing', 'due')
      const { transport, address } = target
      this.#outputs.push({ type: 'dial', dial, transport, address })
      this.#context.recorder.link.dials.add()
      running += 1
    }
  }

  #canDial(target: DialTarget): boolean {
    const capabilities = this.#transports.get(target.transport)
    return capabilities?.canDial === true && !capabilities.needsUserGesture
  }

  #forget(target: DialTarget): void {
    this.#targetsByKey.delete(targetKey(target.transport, target.address, target.expectedPeer))
    this.#report('target-gone', target, 'forgotten')
    this.#context.recorder.link.targets.set(this.#targetsByKey.size)
    for (const [dial, entry] of this.#dials) {
      if (entry.target === target && !entry.cancelled) this.#cancel(dial, entry)
    }
  }

  #cancel(dial: DialId, entry: Dial): void {
    entry.cancelled = true
    this.#outputs.push({ type: 'cancel-dial', dial })
  }

  #giveUp(target: DialTarget, reason: GiveUpReason): void {
    const { expectedPeer: peer, transport } = target
    if (peer !== undefined) this.#outputs.push({ type: 'dial-given-up', peer, transport, reason })
  }

  #isKnown(target: DialTarget): boolean {
    const key = targetKey(target.transport, target.address, target.expectedPeer)
    return this.#targetsByKey.get(key) === target
  }
}

function targetKey(transport: string, address: string, peer: PeerId | undefined): string {
  return `${transport} ${peer === undefined ? 'address' : 'peer'} ${address}`
}
