/**
 * The links of this peer: what it means for them, and for the targets that were dialled, that
 * channels are proven, answer, fall silent and end (rules LK8 to LK10, LK15 and LK16 of
 * docs/specs/link.md).
 *
 * Invariant: of each peer `link-up` and `link-down` alternate, beginning with `link-up`, and frames
 * are told of only in between.
 */

import type { EngineContext } from '../context.ts'
import type { Fifo } from '../fifo.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { ChannelSession } from './channel-session.ts'
import type { LinkDownReason, WireCloseReason } from './close-reason.ts'
import type { Dialer } from './dialer.ts'
import type { DialTarget } from './dial-target.ts'
import type { RemoteIdentity } from './link-handshake.ts'
import { NeighbourLink } from './neighbour-link.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { ProblemLog } from './problem-log.ts'
import type { SessionEvent } from './session-event.ts'
import type { SessionTable } from './session-table.ts'

/** Reasons for which a channel ends while the peer stays linked by another. */
const replacedReasons: ReadonlySet<LinkDownReason> = new Set<LinkDownReason>([
  'duplicate',
  'superseded',
  'stale',
  'limit',
])

export interface LinkTableOptions {
  readonly localPeer: PeerId
  readonly sessions: SessionTable
  readonly dialer: Dialer
  /** Where it tells what the neighbourhood tells, in order with all else. */
  readonly outputs: Fifo<NeighbourhoodOutput>
}

/** See the file header. */
export class LinkTable {
  readonly #context: EngineContext
  readonly #localPeer: PeerId
  readonly #sessions: SessionTable
  readonly #dialer: Dialer
  readonly #outputs: Fifo<NeighbourhoodOutput>
  readonly #problems = new ProblemLog()
  readonly #targetsBySession = new Map<ChannelSession, DialTarget>()
  readonly #linksByPeer = new Map<PeerId, NeighbourLink>()

  constructor(context: EngineContext, options: LinkTableOptions) {
    this.#context = context
    this.#localPeer = options.localPeer
    this.#sessions = options.sessions
    this.#dialer = options.dialer
    this.#outputs = options.outputs
  }

  get(peer: PeerId): NeighbourLink | undefined {
    return this.#linksByPeer.get(peer)
  }

  /** All of them, in the order in which they came. */
  all(): Iterable<NeighbourLink> {
    return this.#linksByPeer.values()
  }

  /** The link that the session is a channel of, at present. */
  linkOf(session: ChannelSession): NeighbourLink | undefined {
    const link = session.remote && this.#linksByPeer.get(session.remote.peer)
    return link?.sessions.includes(session) ? link : undefined
  }

  /** The session's channel was opened by a dial of that target. */
  dialled(session: ChannelSession, target: DialTarget): void {
    this.#targetsBySession.set(session, target)
  }

  /** Acts on what the session has to tell. */
  handleEvents(session: ChannelSession, nowMs: number): void {
    for (let event = session.takeEvent(); event; event = session.takeEvent()) {
      this.#handleEvent(session, event, nowMs)
    }
  }

  /** The channel is gone without a farewell. */
  channelLost(session: ChannelSession, reason: LinkDownReason, nowMs: number): void {
    this.#sessionEnded(session, reason, 'remote', nowMs)
  }

  /** Ends the contest of a link's channels, if it can be decided. */
  decide(link: NeighbourLink, nowMs: number): void {
    const { active } = link
    link.decide(nowMs)
    if (link.active !== active) this.#linkSwitched(link, 'contest')
    for (const session of link.sessions.slice()) {
      this.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
  }

  #handleEvent(session: ChannelSession, event: SessionEvent, nowMs: number): void {
    switch (event.type) {
      case 'established':
        this.#sessionEstablished(session, event.remote, nowMs)
        return
      case 'frame': {
        const link = this.linkOf(session)
        if (!link) return
        if (link.frameReceived(session)) this.#linkSwitched(link, 'followed')
        const { kind, payload } = event
        this.#outputs.push({ type: 'frame', peer: link.remote.peer, kind, payload })
        return
      }
      case 'measured': {
        const link = this.linkOf(session)
        if (link?.takeNotableRtt()) {
          this.#outputs.push({ type: 'link-changed', link: link.describe() })
        }
        return
      }
      case 'suspect': {
        const link = this.linkOf(session)
        if (link?.avoidSuspect()) this.#linkSwitched(link, 'suspect')
        return
      }
      case 'ended':
        this.#sessionEnded(session, event.reason, event.by, nowMs)
    }
  }

  #sessionEstablished(session: ChannelSession, remote: RemoteIdentity, nowMs: number): void {
    const { peer, epoch } = remote
    this.#targetsBySession.get(session)?.enterUp(peer, nowMs)
    const link = this.#linksByPeer.get(peer)
    if (link && epoch < link.remote.epoch) {
      session.close('stale', nowMs)
      return
    }
    if (link && epoch === link.remote.epoch) {
      link.add(session, nowMs)
      this.#sessions.lowerFloor(link.contestDeadlineMs)
      for (const other of link.sessions) this.#sessions.touch(other)
    } else {
      if (link) this.#linkDown(peer, 'superseded')
      this.#linksByPeer.set(peer, new NeighbourLink(this.#localPeer, session))
      this.#linkUp(peer)
      if (link) this.#endLeftOver(link, 'superseded', nowMs)
    }
    this.#dialer.peerLinked(peer, session.transport)
  }

  /** A link is no more: channels of it that are still open end with that reason. */
  #endLeftOver(link: NeighbourLink, reason: WireCloseReason, nowMs: number): void {
    for (const session of link.sessions) {
      session.close(reason, nowMs)
      this.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
  }

  #sessionEnded(
    session: ChannelSession,
    reason: LinkDownReason,
    by: 'local' | 'remote',
    nowMs: number,
  ): void {
    const target = this.#targetsBySession.get(session)
    this.#targetsBySession.delete(session)
    if (!session.isConfirmed) this.#handshakeEnded(session, reason, by, target, nowMs)
    const link = this.linkOf(session)
    if (link) this.#channelLeftLink(link, session, reason, by, nowMs)
    if (!target) return
    const { remote } = session
    const isLinked = remote !== undefined && this.#linksByPeer.has(remote.peer)
    if (isLinked && replacedReasons.has(reason)) this.#dialer.targetReplaced(target, reason)
    else this.#dialer.targetEnded(target, reason, nowMs)
  }

  #handshakeEnded(
    session: ChannelSession,
    reason: LinkDownReason,
    by: 'local' | 'remote',
    target: DialTarget | undefined,
    nowMs: number,
  ): void {
    this.#context.recorder.link.handshakesFailed.add()
    const problem = this.#problems.about(reason, by, session.transport, target, nowMs)
    if (!problem) return
    this.#context.recorder.link.problems.add()
    const peer = target?.expectedPeer
    this.#outputs.push({ type: 'problem', problem, ...(peer !== undefined && { peer }) })
  }

  #channelLeftLink(
    link: NeighbourLink,
    session: ChannelSession,
    reason: LinkDownReason,
    by: 'local' | 'remote',
    nowMs: number,
  ): void {
    const { peer } = link.remote
    const wasActive = link.active === session
    if (!link.remove(session)) {
      this.#linksByPeer.delete(peer)
      this.#linkDown(peer, reason)
      this.#dialer.peerUnlinked(peer, undefined, nowMs)
      this.#endLeftOver(link, 'duplicate', nowMs)
      return
    }
    const { transport } = session
    const isReplaced = replacedReasons.has(reason)
    const isLinkedThere = link.sessions.some((other) => other.transport === transport)
    if (!isReplaced && !isLinkedThere) this.#dialer.peerUnlinked(peer, transport, nowMs)
    // A farewell of the other end comes after all that it sent, and answers all that we sent.
    const isClean = reason === 'duplicate' && by === 'remote'
    if (!isClean && session.carriedFrames) {
      this.#linkDown(peer, reason)
      this.#linkUp(peer)
    } else if (wasActive) {
      this.#linkSwitched(link, reason)
    }
    this.#sessions.touch(link.active)
  }

  #linkUp(peer: PeerId): void {
    const link = this.#linksByPeer.get(peer)
    if (!link) return
    const { links, linkUp } = this.#context.recorder.link
    links.set(this.#linksByPeer.size)
    linkUp.record(peer, link.active.transport, link.active.channel)
    this.#outputs.push({ type: 'link-up', link: link.describe() })
  }

  #linkDown(peer: PeerId, reason: LinkDownReason): void {
    const { links, linkDown } = this.#context.recorder.link
    links.set(this.#linksByPeer.size)
    linkDown.record(peer, reason)
    this.#outputs.push({ type: 'link-down', peer, reason })
  }

  #linkSwitched(link: NeighbourLink, reason: string): void {
    const { peer } = link.remote
    this.#context.recorder.link.linkSwitched.record(peer, link.active.channel, reason)
    this.#outputs.push({ type: 'link-changed', link: link.describe() })
    this.#sessions.touch(link.active)
  }
}
