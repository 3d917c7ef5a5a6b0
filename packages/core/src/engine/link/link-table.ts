/**
 * The links of this peer: what it means for them, and for the targets that were dialled, that
 * channels are proven, answer, fall silent and end (rules LK8 to LK10, LK15, LK16 and LK36 of
 * docs/specs/link.md).
 *
 * Invariant: of each peer `link-up` and `link-down` alternate, beginning with `link-up`, and frames
 * are told of only in between.
 */

import { unreachable } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import type { Fifo } from '../fifo.ts'
import type { MeetingOutcome } from '../command.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { MeetingId } from '../input.ts'
import type { Problem } from '../problem.ts'
import type { DialFailureReason } from '../../transport/transport.ts'
import { noFrames } from './bundle-frame.ts'
import type { FrameCounts, SwitchReason } from './bundle-frame.ts'
import type { ChannelSession } from './channel-session.ts'
import type { LinkDownReason } from './close-reason.ts'
import type { Dialer } from './dialer.ts'
import type { DialTarget } from './dial-target.ts'
import type { RemoteIdentity } from './link-handshake.ts'
import { NeighbourLink } from './neighbour-link.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { meetingProblem, ProblemLog } from './problem-log.ts'
import type { SessionEvent } from './session-event.ts'
import type { SessionTable } from './session-table.ts'

/** Reasons for which a channel ends while the peer stays linked by another. */
const replacedReasons: ReadonlySet<LinkDownReason> = new Set<LinkDownReason>([
  'duplicate',
  'superseded',
  'stale',
  'limit',
])

/**
 * Neighbours without a link that are remembered, so that the numbers of their frames go on. The link
 * of one that was forgotten may be told as down and up again where it was not noticed to be over.
 */
export const formerNeighboursMax = 1_024

/** Which counter counts a switch for what reason. */
const switchCounters = {
  better: 'switchesBetter',
  faster: 'switchesFaster',
  lost: 'switchesLost',
  suspect: 'switchesSuspect',
  asked: 'switchesAsked',
  duplicate: 'switchesDuplicate',
  founders: 'switchesFounders',
} as const satisfies Record<SwitchReason, string>

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
  /** Of sessions that came of a meeting and are not proven yet. */
  readonly #meetingsBySession = new Map<ChannelSession, MeetingId>()
  readonly #linksByPeer = new Map<PeerId, NeighbourLink>()
  /** Counts the links that there were. */
  #serial = 0
  /** Neighbours whose link is over. The one for longest is forgotten for another. */
  readonly #formerByPeer = new Map<PeerId, NeighbourLink>()
  /**
   * Greater than every number of a frame to a neighbour that was forgotten: whoever comes back may
   * still know of them.
   */
  #forgottenNumbers: FrameCounts = noFrames

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

  /** The session's channel came of that meeting. */
  met(session: ChannelSession, meeting: MeetingId): void {
    this.#meetingsBySession.set(session, meeting)
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

  /** Lets the link use the channel that is right by now. */
  reconsider(link: NeighbourLink, nowMs: number): void {
    link.reconsider(nowMs)
    this.#tellEvents(link, nowMs)
    for (const session of link.sessions.slice()) {
      this.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
    this.#sessions.lowerFloor(link.deadlineMs)
  }

  /** A dial came to nothing; people are told of what they can mend. */
  dialFailed(target: DialTarget, reason: DialFailureReason, sentence: string): void {
    this.#report(this.#problems.aboutDial(reason, sentence, target), target)
  }

  #handleEvent(session: ChannelSession, event: SessionEvent, nowMs: number): void {
    switch (event.type) {
      case 'established':
        this.#sessionEstablished(session, event.remote, nowMs)
        return
      case 'frame':
        this.#frameReceived(session, event)
        return
      case 'bundle':
        this.#bundleFrameReceived(session, event, nowMs)
        return
      case 'measured': {
        const link = this.linkOf(session)
        if (!link) return
        if (session === link.active && link.takeNotableRtt()) {
          this.#tellChanged(link, false)
        }
        this.reconsider(link, nowMs)
        return
      }
      case 'doubted': {
        const link = this.linkOf(session)
        if (session !== link?.active) return
        link.probeSpares()
        for (const other of link.sessions) this.#sessions.touch(other)
        return
      }
      case 'suspect':
        this.#fellSilent(session, nowMs)
        return
      case 'recovered': {
        const link = this.linkOf(session)
        if (!link) return
        this.reconsider(link, nowMs)
        if (session === link.active) this.#tellChanged(link, false)
        this.#dialer.peerLinked(link.remote.peer, session.transport)
        return
      }
      case 'ended':
        this.#sessionEnded(session, event.reason, event.by, nowMs)
        return
      default:
        unreachable(event)
    }
  }

  /** Another channel of the link takes over, if there is one; a fresh one is dialled in any case. */
  #fellSilent(session: ChannelSession, nowMs: number): void {
    const link = this.linkOf(session)
    if (!link) return
    this.reconsider(link, nowMs)
    // Another channel has taken over, or else the paths over this link are to be left.
    if (session === link.active) this.#tellChanged(link, false)
    if (!this.#dialer.findsPathsAnew(session.transport)) return
    // The target goes on without the channel, which ends by itself or is heard again.
    const target = this.#targetsBySession.get(session)
    this.#targetsBySession.delete(session)
    this.#dialer.peerSilent(link.remote.peer, session.transport, target, nowMs)
  }

  #frameReceived(
    session: ChannelSession,
    { kind, priority, payload }: Extract<SessionEvent, { readonly type: 'frame' }>,
  ): void {
    const { link: counters } = this.#context.recorder
    const link = this.linkOf(session)
    if (!link?.accepts(session, priority, payload.length)) {
      counters.framesRepeated.add()
      return
    }
    this.#outputs.push({ type: 'frame', peer: link.remote.peer, kind, payload })
    if (link.isReceiptDue && link.carrier) this.#sessions.touch(link.carrier)
  }

  #bundleFrameReceived(
    session: ChannelSession,
    { priority, frame }: Extract<SessionEvent, { readonly type: 'bundle' }>,
    nowMs: number,
  ): void {
    const link = this.linkOf(session)
    if (!link) return
    if (link.bundleReceived(session, priority, frame, nowMs)) this.reconsider(link, nowMs)
    else session.close('protocol', nowMs)
  }

  /** What happened to the channels of the link. */
  #tellEvents(link: NeighbourLink, nowMs: number): void {
    const { link: counters } = this.#context.recorder
    const { peer } = link.remote
    for (let event = link.takeEvent(); event; event = link.takeEvent()) {
      switch (event.type) {
        case 'switched':
          counters.switches.add()
          if (event.reason !== 'unknown') counters[switchCounters[event.reason]].add()
          counters.linkSwitched.record(peer, link.active.channel, event.reason)
          counters.packetsGivenUp.add(event.givenUp)
          this.#tellChanged(link, event.givenUp > 0)
          break
        case 'lost':
          counters.linksTorn.add()
          this.#linkDown(peer, 'channel-lost')
          this.#linkUp(link)
          break
        case 'anew':
          this.#linkDown(peer, 'superseded')
          this.#linkUp(link)
          break
        case 'stale':
          event.channel.close('superseded', nowMs)
          break
        default:
          unreachable(event)
      }
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
    this.#meetingEnded(session, { ok: true, peer })
    if (link && epoch > link.remote.epoch) {
      this.#linkDown(peer, 'superseded')
      this.#begin(session, remote, nowMs)
      this.#endLeftOver(link, nowMs)
    } else if (link) {
      link.add(session, nowMs)
      this.reconsider(link, nowMs)
    } else {
      this.#begin(session, remote, nowMs)
    }
    this.#dialer.peerLinked(peer, session.transport)
  }

  /** A link begins with that channel. */
  #begin(session: ChannelSession, remote: RemoteIdentity, nowMs: number): void {
    const { peer, epoch } = remote
    const former = this.#formerByPeer.get(peer)
    this.#formerByPeer.delete(peer)
    const link =
      former?.remote.epoch === epoch
        ? former
        : new NeighbourLink(this.#localPeer, remote, {
            nextSerial: () => this.#nextSerial(),
            firsts: this.#forgottenNumbers,
          })
    this.#linksByPeer.set(peer, link)
    link.add(session, nowMs)
    this.#linkUp(link)
    this.reconsider(link, nowMs)
  }

  #nextSerial(): number {
    this.#serial += 1
    return this.#serial
  }

  /** The neighbour has booted again: channels to its former boot end. */
  #endLeftOver(link: NeighbourLink, nowMs: number): void {
    for (const session of link.sessions.slice()) {
      session.close('superseded', nowMs)
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
    if (this.#meetingsBySession.has(session)) {
      const problem = meetingProblem(reason, by, session.transport)
      this.#meetingEnded(session, { ok: false, problem })
    } else if (!session.isConfirmed) {
      this.#handshakeEnded(session, reason, by, target, nowMs)
    }
    const link = this.linkOf(session)
    if (link) this.#channelLeftLink(link, session, reason, nowMs)
    const { remote } = session
    if (remote && reason === 'protocol') this.#dialer.peerFaulted(remote.peer, reason, nowMs)
    if (!target) return
    const isLinked = remote !== undefined && this.#linksByPeer.has(remote.peer)
    if (isLinked && replacedReasons.has(reason)) this.#dialer.targetReplaced(target, reason)
    else this.#dialer.targetEnded(target, reason, nowMs)
  }

  #meetingEnded(session: ChannelSession, outcome: MeetingOutcome): void {
    const meeting = this.#meetingsBySession.get(session)
    if (meeting === undefined) return
    this.#meetingsBySession.delete(session)
    this.#outputs.push({ type: 'meeting-ended', meeting, outcome })
  }

  #handshakeEnded(
    session: ChannelSession,
    reason: LinkDownReason,
    by: 'local' | 'remote',
    target: DialTarget | undefined,
    nowMs: number,
  ): void {
    this.#context.recorder.link.handshakesFailed.add()
    this.#report(this.#problems.about(reason, by, session.transport, target, nowMs), target)
  }

  #report(problem: Problem | undefined, target: DialTarget | undefined): void {
    if (!problem) return
    this.#context.recorder.link.problems.add()
    const peer = target?.expectedPeer
    this.#outputs.push({ type: 'problem', problem, ...(peer !== undefined && { peer }) })
  }

  #channelLeftLink(
    link: NeighbourLink,
    session: ChannelSession,
    reason: LinkDownReason,
    nowMs: number,
  ): void {
    const { peer } = link.remote
    if (!link.remove(session)) {
      this.#linksByPeer.delete(peer)
      this.#remember(link)
      this.#linkDown(peer, reason)
      this.#dialer.peerUnlinked(peer, undefined, nowMs)
      return
    }
    const { transport } = session
    const isReplaced = replacedReasons.has(reason)
    const isLinkedThere = link.sessions.some((other) => other.transport === transport)
    if (!isReplaced && !isLinkedThere) this.#dialer.peerUnlinked(peer, transport, nowMs)
    this.reconsider(link, nowMs)
  }

  /** Keeps what is known of a neighbour whose link is over: the numbers of its frames go on. */
  #remember(link: NeighbourLink): void {
    const { peer } = link.remote
    const [oldest] = this.#formerByPeer.values()
    if (oldest !== undefined && this.#formerByPeer.size >= formerNeighboursMax) {
      this.#formerByPeer.delete(oldest.remote.peer)
      const { unusedNumbers } = oldest
      this.#forgottenNumbers = this.#forgottenNumbers.map((number, priority) =>
        Math.max(number, unusedNumbers[priority]!),
      )
    }
    this.#formerByPeer.set(peer, link)
  }

  #linkUp(link: NeighbourLink): void {
    const { links, linkUp } = this.#context.recorder.link
    links.set(this.#linksByPeer.size)
    linkUp.record(link.remote.peer, link.active.transport, link.active.channel)
    this.#outputs.push({ type: 'link-up', link: link.describe() })
  }

  #tellChanged(link: NeighbourLink, arePacketsGivenUp: boolean): void {
    this.#outputs.push({ type: 'link-changed', link: link.describe(), arePacketsGivenUp })
  }

  #linkDown(peer: PeerId, reason: LinkDownReason): void {
    const { links, linkDown } = this.#context.recorder.link
    links.set(this.#linksByPeer.size)
    linkDown.record(peer, reason)
    this.#outputs.push({ type: 'link-down', peer, reason })
  }
}
