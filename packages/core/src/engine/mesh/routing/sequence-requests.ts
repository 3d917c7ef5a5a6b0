/**
 * Requests for newer sequence numbers: how a peer gets a path again when none of those on offer is
 * feasible (rules RO14 to RO16; RFC 8966, section 3.8).
 *
 * A request goes from peer to peer along present paths until it meets the destination, which counts
 * up, or somebody who has the newer route already. Whoever passed it on tells the answer on at once.
 */

import type { EngineContext } from '../../context.ts'
import type { PeerId } from '../../identity/peer-id.ts'
import type { LinkPort } from '../../link/link-port.ts'
import { hopCountMax } from './route-entry.ts'
import { isNewerVersion, type RouteVersion } from './route-version.ts'
import { encodeRoutingFrame, sequenceRequestsMax, type SequenceRequest } from './routing-frame.ts'

/** Destinations asked for at once; further requests are dropped and counted. */
export const pendingRequestsMax = 1_024
/** First wait for an answer, which takes two round trips across the mesh at most; doubled each time. */
export const requestRetryMs = 500
/** Own requests for one destination before we wait for news of it. */
export const requestAttemptsMax = 6
/** A request of somebody else is kept for so long, for its answer. */
export const passedRequestMs = 5_000
/** Requests for one destination are sent at most this often; whoever asks in vain asks again later. */
export const requestIntervalMs = 250

interface PendingRequest {
  wanted: RouteVersion
  hopLimit: number
  /** Neighbours who asked us. */
  readonly requesters: Set<PeerId>
  /** We ask for ourselves, so we ask again. */
  isOwn: boolean
  attempts: number
  askedAtMs: number
  dueMs: number
}

/** Names the neighbour to ask about a destination at the n-th attempt, who is not that one. */
export type ChooseAsked = (
  destination: PeerId,
  attempt: number,
  except: PeerId | undefined,
) => PeerId | undefined

/** See the file header. */
export class SequenceRequests {
  readonly #context: EngineContext
  readonly #links: LinkPort
  readonly #chooseAsked: ChooseAsked
  readonly #pending = new Map<PeerId, PendingRequest>()
  /** Collected during one input, for one frame a neighbour. */
  readonly #outbox = new Map<PeerId, SequenceRequest[]>()

  constructor(context: EngineContext, links: LinkPort, chooseAsked: ChooseAsked) {
    this.#context = context
    this.#links = links
    this.#chooseAsked = chooseAsked
  }

  /** We want a route that is at least as new. */
  ask(destination: PeerId, wanted: RouteVersion, nowMs: number): void {
    const pending = this.#open(destination, wanted, hopCountMax, nowMs)
    if (pending === undefined) return
    if (!pending.isOwn) pending.attempts = 0
    pending.isOwn = true
    this.#send(destination, pending, undefined, nowMs)
  }

  /** We have a route; a newer one over this neighbour might be better. */
  askOnce(destination: PeerId, wanted: RouteVersion, over: PeerId, nowMs: number): void {
    if (this.#pending.has(destination)) return
    const pending = this.#open(destination, wanted, hopCountMax, nowMs)
    if (pending !== undefined) this.#post(over, destination, pending)
  }

  /** A neighbour asks for a newer route than ours. */
  pass(from: PeerId, request: SequenceRequest, nowMs: number): void {
    const { peer, hopLimit } = request
    if (hopLimit === 1) return
    const pending = this.#open(peer, request, hopLimit - 1, nowMs)
    if (pending === undefined) return
    pending.requesters.add(from)
    // Others who asked may have found a path meanwhile, perhaps the only one.
    this.#send(peer, pending, from, nowMs)
  }

  /** We have a route of this version. Who asked for it and is to be told at once. */
  answered(destination: PeerId, version: RouteVersion): ReadonlySet<PeerId> | undefined {
    const pending = this.#pending.get(destination)
    if (pending === undefined || isNewerVersion(pending.wanted, version)) return undefined
    this.#pending.delete(destination)
    return pending.requesters
  }

  /** We need no newer route any more; others may. */
  withdraw(destination: PeerId): void {
    const pending = this.#pending.get(destination)
    if (pending === undefined) return
    pending.isOwn = false
    if (pending.requesters.size === 0) this.#pending.delete(destination)
  }

  neighbourDown(peer: PeerId): void {
    this.#outbox.delete(peer)
    for (const { requesters } of this.#pending.values()) requesters.delete(peer)
  }

  nextDeadlineMs(): number {
    let deadlineMs = Infinity
    for (const { dueMs } of this.#pending.values()) deadlineMs = Math.min(deadlineMs, dueMs)
    return deadlineMs
  }

  handleDeadline(nowMs: number): void {
    for (const [destination, pending] of this.#pending) {
      if (nowMs < pending.dueMs) continue
      if (pending.isOwn && pending.attempts < requestAttemptsMax) {
        this.#send(destination, pending, undefined, nowMs)
      } else {
        this.#pending.delete(destination)
      }
    }
  }

  /** Sends what was collected. What a full link refuses is asked for again when its answer is late. */
  flush(nowMs: number): void {
    for (const [neighbour, requests] of this.#outbox) {
      for (let first = 0; first < requests.length; first += sequenceRequestsMax) {
        const part = requests.slice(first, first + sequenceRequestsMax)
        const frame = encodeRoutingFrame({ type: 'sequence-requests', requests: part })
        if (this.#links.send(neighbour, 'route', 'control', frame, nowMs) !== 'accepted') break
        const { mesh } = this.#context.recorder
        mesh.routeRequestsSent.add(part.length)
        mesh.routeBytesSent.add(frame.length)
      }
    }
    this.#outbox.clear()
  }

  /** What is asked for already, raised to what is wanted now; or a new one, if there is room. */
  #open(
    destination: PeerId,
    { epoch, sequence }: RouteVersion,
    hopLimit: number,
    nowMs: number,
  ): PendingRequest | undefined {
    const present = this.#pending.get(destination)
    if (present !== undefined) {
      const wanted = { epoch, sequence }
      if (isNewerVersion(wanted, present.wanted)) present.wanted = wanted
      present.hopLimit = Math.max(present.hopLimit, hopLimit)
      return present
    }
    if (this.#pending.size >= pendingRequestsMax) {
      this.#context.recorder.mesh.routeRequestsRefused.add()
      return undefined
    }
    const pending = {
      wanted: { epoch, sequence },
      hopLimit,
      requesters: new Set<PeerId>(),
      isOwn: false,
      attempts: 0,
      askedAtMs: -Infinity,
      dueMs: nowMs + passedRequestMs,
    }
    this.#pending.set(destination, pending)
    return pending
  }

  #send(
    destination: PeerId,
    pending: PendingRequest,
    except: PeerId | undefined,
    nowMs: number,
  ): void {
    const allowedAtMs = pending.askedAtMs + requestIntervalMs
    if (nowMs < allowedAtMs) {
      if (pending.isOwn) pending.dueMs = Math.min(pending.dueMs, allowedAtMs)
      return
    }
    const asked = this.#chooseAsked(destination, pending.attempts, except)
    if (asked !== undefined) {
      this.#post(asked, destination, pending)
      pending.askedAtMs = nowMs
    }
    const retryMs = requestRetryMs * 2 ** Math.min(pending.attempts, requestAttemptsMax)
    pending.attempts += 1
    pending.dueMs = nowMs + (pending.isOwn ? retryMs : passedRequestMs)
  }

  #post(asked: PeerId, peer: PeerId, { wanted, hopLimit }: PendingRequest): void {
    const request = { peer, epoch: wanted.epoch, sequence: wanted.sequence, hopLimit }
    const outbox = this.#outbox.get(asked)
    if (outbox === undefined) this.#outbox.set(asked, [request])
    else outbox.push(request)
  }
}
