/** Puts together what is reported of links (rule LP1), from what the planner keeps. */

import type { PeerId } from '../../identity/peer-id.ts'
import type { BookedDial, DialBook } from './dial-book.ts'
import { isEstablished, isUnderWay } from './dial-book.ts'
import { degreeMax } from './degree.ts'
import type { LinkAccount, LinkReason, LinkState } from './link-account.ts'
import type { LinkPauses } from './link-pauses.ts'
import { sharedTransport, toldDegree, type MeshView } from './mesh-view.ts'
import type { PlannedLink } from './planned-link.ts'

export interface LinkSources {
  readonly view: MeshView
  readonly plans: ReadonlyMap<PeerId, PlannedLink>
  readonly pauses: LinkPauses
  readonly book: DialBook
  readonly linkedSinceMs: ReadonlyMap<PeerId, number>
  /** Links that are wanted and not sought yet. */
  readonly lacking: number
}

/** Neighbours first, then what is sought, then everybody else; addresses without a known peer last. */
export function accountsOf(sources: LinkSources, nowMs: number): readonly LinkAccount[] {
  const { view, plans, book } = sources
  const accounts: LinkAccount[] = []
  for (const peer of view.links.keys()) accounts.push(linkedAccount(sources, peer, nowMs))
  for (const plan of plans.values()) {
    const isBetter = view.links.get(plan.peer)?.transport !== plan.transport
    if (isBetter) accounts.push(plannedAccount(plan, book, nowMs))
  }
  for (const peer of view.reachable()) {
    if (!view.links.has(peer) && !plans.has(peer)) {
      accounts.push(idleAccount(sources, peer, nowMs))
    }
  }
  for (const dial of book.addresses()) {
    const { peer } = dial.report
    if (isEstablished(dial) && peer !== undefined && view.links.has(peer)) continue
    accounts.push(addressAccount(dial, nowMs))
  }
  return accounts
}

/** Why there is a link. */
function reasonOfLink(
  { plans, book }: Pick<LinkSources, 'plans' | 'book'>,
  peer: PeerId,
): { readonly reason: LinkReason; readonly dial: BookedDial | undefined } {
  for (const dial of book.addressesOf(peer)) {
    if (!isEstablished(dial)) continue
    return { reason: dial.report.isDiscovered ? dial.releaseReason : 'configured', dial }
  }
  const plan = plans.get(peer)
  return { reason: plan?.wasLinked === true ? plan.reason : 'accepted', dial: undefined }
}

function linkedAccount(sources: LinkSources, peer: PeerId, nowMs: number): LinkAccount {
  const { view, linkedSinceMs } = sources
  const { reason, dial } = reasonOfLink(sources, peer)
  return {
    state: 'linked',
    reason,
    peer,
    transport: view.links.get(peer)?.transport,
    address: dial?.report.address,
    forMs: nowMs - (linkedSinceMs.get(peer) ?? nowMs),
    nextTryInMs: undefined,
    failure: undefined,
  }
}

function plannedAccount(plan: PlannedLink, book: DialBook, nowMs: number): LinkAccount {
  const { peer, transport, sinceMs, dialAtMs } = plan
  const base = { peer, transport, address: undefined }
  if (plan.state === 'waiting') {
    const nextTryInMs = Math.max(0, dialAtMs - nowMs)
    const forMs = nowMs - sinceMs
    return {
      ...base,
      state: 'waiting',
      reason: 'other-side-dials',
      forMs,
      nextTryInMs,
      failure: undefined,
    }
  }
  const dial = book.wanted(peer, transport)
  return {
    ...base,
    state: dial?.report.state === 'backoff' ? 'waiting' : 'dialling',
    reason: plan.reason,
    forMs: nowMs - (dial?.sinceMs ?? sinceMs),
    nextTryInMs: nextTryInMsOf(dial, nowMs),
    failure: dial?.failure,
  }
}

function idleAccount(
  { view, pauses, lacking }: LinkSources,
  peer: PeerId,
  nowMs: number,
): LinkAccount {
  const transport = sharedTransport(view, peer)
  const base = { peer, transport, address: undefined, failure: undefined }
  const pause = pauses.get(peer, nowMs)
  if (pause !== undefined) {
    const state = pause.reason === 'pausing' ? 'waiting' : 'not-wanted'
    const { reason, sinceMs, untilMs } = pause
    return { ...base, state, reason, forMs: nowMs - sinceMs, nextTryInMs: untilMs - nowMs }
  }
  const undecided = { ...base, forMs: undefined, nextTryInMs: undefined }
  const unwanted = (reason: LinkReason): LinkAccount => {
    return { ...undecided, state: 'not-wanted', reason }
  }
  if (view.record(peer) === undefined) return unwanted('no-record')
  if (transport === undefined) return unwanted('no-shared-transport')
  if (toldDegree(view, peer) >= degreeMax) return unwanted('peer-full')
  if (lacking > 0) return { ...undecided, state: 'waiting', reason: 'dials-running' }
  return unwanted('enough-links')
}

function addressAccount(dial: BookedDial, nowMs: number): LinkAccount {
  const { peer, transport, address, state, isDiscovered } = dial.report
  const isHeld = isDiscovered && !dial.isReleased
  return {
    state: isHeld ? 'not-wanted' : stateOfDial(dial),
    reason: reasonOfAddress(dial, isHeld),
    peer,
    transport,
    address,
    forMs: nowMs - dial.sinceMs,
    nextTryInMs: isHeld ? undefined : nextTryInMsOf(dial, nowMs),
    failure: state === 'backoff' ? dial.failure : undefined,
  }
}

function stateOfDial(dial: BookedDial): LinkState {
  if (isEstablished(dial)) return 'linked'
  return isUnderWay(dial) ? 'dialling' : 'waiting'
}

function reasonOfAddress({ report, releaseReason }: BookedDial, isHeld: boolean): LinkReason {
  if (!report.isDiscovered) return 'configured'
  return isHeld ? 'enough-links' : releaseReason
}

function nextTryInMsOf(dial: BookedDial | undefined, nowMs: number): number | undefined {
  const atMs = dial?.report.nextTryAtMs ?? Infinity
  return atMs === Infinity ? undefined : Math.max(0, atMs - nowMs)
}
