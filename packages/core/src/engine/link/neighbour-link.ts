/**
 * The link to one neighbour: its channels, of which one is active, and what waits to be sent
 * (rules LK8 to LK10 of docs/specs/link.md).
 *
 * When a second channel to the same peer comes up, the peer with the smaller id decides which one
 * stays; the other follows. So both keep the same one, however differently they see the channels.
 */

import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { ChannelSession } from './channel-session.ts'
import type { RemoteIdentity } from './link-handshake.ts'
import type { LinkDescription } from './link-port.ts'
import { SendQueue } from './send-queue.ts'

/** Proven channels to one neighbour, at most; more are closed with `limit`. */
export const channelsPerLinkMax = 4

/** What the older channel has to show a sign of life in before the newer one replaces it. */
export const contestMs = 2_000

/** A measured round trip is worth telling when it moved by this part, and by a millisecond. */
const notableChange = 0.2

/** Two channels or more, of which one has to stay. */
interface Contest {
  readonly deadlineMs: number
  /** Messages that each had received when it entered. */
  readonly receivedBefore: Map<ChannelSession, number>
}

/** What of a channel decides whether it is preferred: less is better, the first difference counts. */
const costClassRank = { lan: 0, wan: 1, bluetooth: 2, relay: 3 } as const

/** One linked neighbour. */
export class NeighbourLink {
  readonly remote: RemoteIdentity
  readonly queue = new SendQueue()
  readonly #localPeer: PeerId
  readonly #sessions: ChannelSession[]
  #active: ChannelSession
  #contest: Contest | undefined
  #toldRttMs: number | undefined

  constructor(localPeer: PeerId, first: ChannelSession) {
    assert(first.remote !== undefined, 'a link begins with a proven channel')
    this.#localPeer = localPeer
    this.remote = first.remote
    this.#active = first
    this.#sessions = [first]
  }

  /** The channel that frames are sent on. */
  get active(): ChannelSession {
    return this.#active
  }

  /** All proven channels, the active one among them. */
  get sessions(): readonly ChannelSession[] {
    return this.#sessions
  }

  /** When the contest of two channels ends. */
  get contestDeadlineMs(): number {
    return this.#contest?.deadlineMs ?? Number.POSITIVE_INFINITY
  }

  describe(): LinkDescription {
    return {
      peer: this.remote.peer,
      publicKey: this.remote.publicKey,
      transport: this.#active.transport,
      cost: this.#active.traits.cost,
      rttMs: this.#active.rttMs,
      bandwidthBytesPerSecond: this.#active.path.bandwidthBytesPerSecond,
      lossRatio: this.#active.path.lossRatio,
    }
  }

  /** Another proven channel to the same boot of the same peer. */
  add(session: ChannelSession, nowMs: number): void {
    if (this.#sessions.length >= channelsPerLinkMax) {
      session.close('limit', nowMs)
      return
    }
    this.#sessions.push(session)
    // Whether the older channel still lives shows in its answer; a peer that dials again may well
    // have lost it. The decision waits for that; where the other end decides, a channel that does
    // not answer becomes suspect and is left.
    for (const other of this.#sessions) other.probe()
    if (!this.#decides()) return
    this.#contest ??= { deadlineMs: nowMs + contestMs, receivedBefore: new Map() }
    for (const entrant of this.#sessions) {
      if (this.#contest.receivedBefore.has(entrant)) continue
      this.#contest.receivedBefore.set(entrant, entrant.receivedMessages)
    }
  }

  /** Ends the contest when every channel has answered, or has had its time. */
  decide(nowMs: number): void {
    const contest = this.#contest
    if (!contest) return
    const hasAnswered = (session: ChannelSession): boolean =>
      session.receivedMessages > (contest.receivedBefore.get(session) ?? 0)
    const candidates = this.#sessions.filter((session) => session.canCarry)
    const undecided = candidates.length > 1 && !candidates.every(hasAnswered)
    if (undecided && nowMs < contest.deadlineMs) return
    this.#contest = undefined
    const living = candidates.filter(hasAnswered)
    const best = this.#best(living.length > 0 ? living : candidates)
    if (!best) return
    if (best !== this.#active) this.#switchTo(best)
    for (const session of this.#sessions) {
      if (session === best || !session.usable) continue
      if (hasAnswered(session)) session.drain('duplicate', nowMs)
      else session.close('silent', nowMs)
    }
  }

  /** Follows the deciding peer, which sends on the channel of its choice. */
  frameReceived(session: ChannelSession): boolean {
    if (session === this.#active || this.#decides() || !session.canCarry) return false
    this.#switchTo(session)
    return true
  }

  /** Leaves a silent channel for one that is not. */
  avoidSuspect(): boolean {
    if (this.#active.state !== 'suspect') return false
    const candidates = this.#sessions.filter(
      (session) => session.state === 'up' && session.canCarry,
    )
    const other = this.#best(candidates)
    if (!other) return false
    this.#switchTo(other)
    return true
  }

  /** A channel has ended. What of it was not sent goes to the next; false when there is none. */
  remove(session: ChannelSession): boolean {
    const index = this.#sessions.indexOf(session)
    if (index >= 0) this.#sessions.splice(index, 1)
    if (session !== this.#active) return this.#sessions.length > 0
    const next = this.#best(this.#sessions.filter((session) => session.canCarry))
    if (!next) return false
    this.#switchTo(next)
    return true
  }

  /** Whether the round-trip time has moved enough since it was last asked. */
  takeNotableRtt(): boolean {
    const rttMs = this.#active.rttMs
    if (rttMs === undefined) return false
    const toldMs = this.#toldRttMs
    const movedMs = toldMs === undefined ? Number.POSITIVE_INFINITY : Math.abs(rttMs - toldMs)
    if (movedMs < 1 || (toldMs !== undefined && movedMs < toldMs * notableChange)) return false
    this.#toldRttMs = rttMs
    return true
  }

  #switchTo(session: ChannelSession): void {
    this.#active.takeBack(this.queue)
    this.#active = session
  }

  #decides(): boolean {
    return this.#localPeer < this.remote.peer
  }

  /** The preferred channel; of equals the newest, since who dials again has lost the older one. */
  #best(sessions: readonly ChannelSession[]): ChannelSession | undefined {
    let best: ChannelSession | undefined
    for (const session of sessions) {
      if (!best || this.#rank(session) <= this.#rank(best)) best = session
    }
    return best
  }

  /** Cost class first, then metered or not, then who dialled: the smaller peer id. */
  #rank(session: ChannelSession): number {
    const { cost } = session.traits
    const dialledBySmaller = this.#decides() === (session.role === 'initiator')
    return costClassRank[cost.class] * 4 + (cost.metered ? 2 : 0) + (dialledBySmaller ? 0 : 1)
  }
}
