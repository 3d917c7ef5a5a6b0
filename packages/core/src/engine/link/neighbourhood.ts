/**
 * The neighbourhood: every link of this peer (layer 1). Owns channels, links and dial targets, and
 * joins what each of them decides; see docs/specs/wire.md for the rules.
 *
 * The law of engine layers holds: calls change state, `poll` until it gives nothing, come back at
 * `nextDeadlineMs`. Messages are made while polling, so that all that one input caused is gathered
 * into as few of them as can be.
 */

import { assert } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { CertificateVerifier } from '../identity/identity.ts'
import type { Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { ChannelId, DialId } from '../input.ts'
import type { ChannelCloseReason, ChannelTraits } from '../../transport/channel.ts'
import type { DialFailureReason, TransportCapabilities } from '../../transport/transport.ts'
import { admissionRefusal, refusalMessage } from './channel-admission.ts'
import { ChannelSession, isSecured } from './channel-session.ts'
import type { SessionEvent } from './channel-session.ts'
import type { LinkDownReason, WireCloseReason } from './close-reason.ts'
import { Dialer } from './dialer.ts'
import type { DialTarget } from './dial-target.ts'
import { framePayloadBytesMax, priorityIndexOf } from './frame.ts'
import { LinkHandshake } from './link-handshake.ts'
import type { HandshakeOptions, RemoteIdentity } from './link-handshake.ts'
import type {
  LinkDescription,
  LinkPort,
  LinkSendResult,
  MeshFrameKind,
  Priority,
} from './link-port.ts'
import { NeighbourLink } from './neighbour-link.ts'
import type { NeighbourhoodOutput } from './neighbourhood-output.ts'
import { ProblemLog } from './problem-log.ts'

/** A deadline that comes later than this means that the machine slept, in milliseconds. */
export const wakeAfterMs = 3_000

export interface NeighbourhoodOptions {
  readonly identity: Identity
  readonly app: string
  /** 32 bytes. */
  readonly secret: Uint8Array
  /** Count of this peer's boots. */
  readonly epoch: number
}

/** Reasons for which a channel ends while the peer stays linked by another. */
const replacedReasons: ReadonlySet<LinkDownReason> = new Set<LinkDownReason>([
  'duplicate',
  'superseded',
  'stale',
  'limit',
])

/** See the file header. */
export class Neighbourhood implements LinkPort {
  readonly #context: EngineContext
  readonly #identity: Identity
  readonly #handshakeOptions: HandshakeOptions
  readonly #dialer: Dialer
  readonly #problems = new ProblemLog()
  readonly #sessions = new Map<ChannelId, ChannelSession>()
  readonly #targetsBySession = new Map<ChannelSession, DialTarget>()
  readonly #linksByPeer = new Map<PeerId, NeighbourLink>()
  /** Sessions that may have something to send. */
  readonly #dirty = new Set<ChannelSession>()
  readonly #outputs: NeighbourhoodOutput[] = []
  /** No later than the earliest deadline of sessions and links; made exact after each deadline. */
  #deadlineFloorMs = Number.POSITIVE_INFINITY
  #isFloorStale = false
  #nowMs = 0
  #isStopped = false

  constructor(context: EngineContext, options: NeighbourhoodOptions) {
    const { identity, app, secret, epoch } = options
    const { cryptography, random } = context
    this.#context = context
    this.#identity = identity
    this.#dialer = new Dialer(context)
    this.#handshakeOptions = {
      identity,
      joinKeys: deriveJoinKeys(app, secret, cryptography),
      verifier: new CertificateVerifier(cryptography),
      epoch,
      cryptography,
      random,
    }
  }

  /** A transport runs; its addresses and wanted peers are dialled from now on. */
  transportStarted(transport: string, capabilities: TransportCapabilities, nowMs: number): void {
    if (!this.#isStopped) this.#dialer.transportStarted(transport, capabilities, nowMs)
  }

  /** A transport is gone, and with it its addresses and wanted peers. Its channels close by themselves. */
  transportStopped(transport: string, nowMs: number): void {
    this.#dialer.transportStopped(transport, nowMs)
  }

  /** Dials the address, and again whenever its link is down, until it is lost. Idempotent. */
  addressFound(transport: string, address: string, nowMs: number): void {
    if (!this.#isStopped) this.#dialer.addressFound(transport, address, nowMs)
  }

  /** Stops dialling the address; an open channel stays. */
  addressLost(transport: string, address: string, nowMs: number): void {
    this.#dialer.addressLost(transport, address, nowMs)
  }

  /**
   * Dials the peer over a signalling transport whenever it is not linked over that, until `unwant`
   * or `dial-given-up`. Idempotent.
   */
  want(peer: PeerId, transport: string, nowMs: number): void {
    if (this.#isStopped) return
    const sessions = this.#linksByPeer.get(peer)?.sessions ?? []
    const isLinked = sessions.some((other) => other.usable && other.transport === transport)
    this.#dialer.want(peer, transport, isLinked, nowMs)
  }

  /** Stops dialling the peer; an open channel stays. */
  unwant(peer: PeerId, transport: string, nowMs: number): void {
    this.#dialer.unwant(peer, transport, nowMs)
  }

  channelOpened(
    opening: {
      readonly channel: ChannelId
      readonly transport: string
      readonly traits: ChannelTraits
      readonly dial?: DialId
    },
    nowMs: number,
  ): void {
    this.#nowMs = nowMs
    const { channel, transport, traits, dial } = opening
    const target = dial === undefined ? undefined : this.#dialer.dialOpened(dial)
    const refusal = this.#refusalOf(traits, dial !== undefined, target)
    if (refusal !== undefined) {
      this.#refuse(channel, traits, refusal)
      if (target) this.#dialer.targetEnded(target, refusal, nowMs)
      return
    }
    const role = dial === undefined ? 'responder' : 'initiator'
    const handshake = new LinkHandshake(
      this.#handshakeOptions,
      role,
      isSecured(traits) ? traits.binding : undefined,
      target?.expectedPeer,
    )
    const session = new ChannelSession(
      this.#context,
      { channel, transport, traits, role, handshake },
      nowMs,
    )
    this.#sessions.set(channel, session)
    this.#context.recorder.link.channels.set(this.#sessions.size)
    if (target) this.#targetsBySession.set(session, target)
    session.start()
    this.#touch(session)
  }

  channelReceived(channel: ChannelId, bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.get(channel)
    if (!session) return
    session.receive(bytes, nowMs)
    this.#handleEvents(session, nowMs)
    const link = this.#linkOf(session)
    if (link && link.contestDeadlineMs !== Number.POSITIVE_INFINITY) this.#decide(link, nowMs)
    this.#touch(session)
  }

  channelDrained(channel: ChannelId, drainedBytes: number, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.get(channel)
    if (!session) return
    session.drained(drainedBytes)
    this.#touch(session)
  }

  channelClosed(channel: ChannelId, reason: ChannelCloseReason, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.get(channel)
    if (!session) return
    const wasOver = session.state === 'closing' || session.state === 'closed'
    session.channelClosed(reason)
    this.#handleEvents(session, nowMs)
    if (!wasOver) this.#sessionEnded(session, `channel-${reason}`, 'remote', nowMs)
    this.#sessions.delete(channel)
    this.#dirty.delete(session)
    this.#context.recorder.link.channels.set(this.#sessions.size)
  }

  dialFailed(dial: DialId, reason: DialFailureReason, _message: string, nowMs: number): void {
    this.#dialer.dialFailed(dial, reason, nowMs)
  }

  send(
    neighbour: PeerId,
    kind: MeshFrameKind,
    priority: Priority,
    payload: Uint8Array,
    nowMs: number,
  ): LinkSendResult {
    assert(payload.length <= framePayloadBytesMax, `frame of ${payload.length} bytes`)
    this.#nowMs = nowMs
    const link = this.#linksByPeer.get(neighbour)
    if (!link || this.#isStopped) return 'no-link'
    if (!link.queue.offer(priorityIndexOf(priority), { kind, payload })) {
      this.#context.recorder.link.sendsRefused.add()
      return 'full'
    }
    this.#touch(link.active)
    return 'accepted'
  }

  /** The neighbours of this moment, in the order in which they came. */
  links(): readonly LinkDescription[] {
    return [...this.#linksByPeer.values()].map((link) => link.describe())
  }

  /** Sends what credit allows, says farewell to all and closes; nothing is dialled any more. */
  stop(nowMs: number): void {
    this.#nowMs = nowMs
    this.#isStopped = true
    this.#dialer.stop()
    for (const session of this.#sessions.values()) {
      this.#transmit(session)
      session.close('stopped', nowMs)
      this.#handleEvents(session, nowMs)
      this.#touch(session)
    }
  }

  handleDeadline(nowMs: number): void {
    const lateMs = nowMs - this.nextDeadlineMs()
    this.#nowMs = nowMs
    const woke = lateMs > wakeAfterMs
    if (woke) this.#context.recorder.link.wakes.add()
    for (const session of this.#sessions.values()) {
      if (woke) session.woke(lateMs, nowMs)
      else if (session.nextDeadlineMs() > nowMs) continue
      session.handleDeadline(nowMs)
      this.#handleEvents(session, nowMs)
      this.#dirty.add(session)
    }
    for (const link of this.#linksByPeer.values()) {
      if (nowMs >= link.contestDeadlineMs) this.#decide(link, nowMs)
    }
    this.#dialer.handleDeadline(nowMs)
    this.#isFloorStale = true
  }

  nextDeadlineMs(): number {
    if (this.#isFloorStale) {
      this.#isFloorStale = false
      this.#deadlineFloorMs = Number.POSITIVE_INFINITY
      for (const session of this.#sessions.values()) this.#lowerFloor(session.nextDeadlineMs())
      for (const link of this.#linksByPeer.values()) this.#lowerFloor(link.contestDeadlineMs)
    }
    return Math.min(this.#deadlineFloorMs, this.#dialer.nextDeadlineMs())
  }

  poll(): NeighbourhoodOutput | undefined {
    for (;;) {
      const output = this.#outputs.shift() ?? this.#dialer.poll()
      if (output) return output
      const [session] = this.#dirty
      if (!session) return undefined
      this.#dirty.delete(session)
      this.#transmit(session)
    }
  }

  #refusalOf(
    traits: ChannelTraits,
    isDialled: boolean,
    target: DialTarget | undefined,
  ): WireCloseReason | undefined {
    if (this.#isStopped || (isDialled && !target)) return 'stopped'
    return admissionRefusal(traits, isDialled, this.#sessions)
  }

  /** Closes a channel that gets no session. */
  #refuse(channel: ChannelId, traits: ChannelTraits, reason: WireCloseReason): void {
    this.#context.recorder.link.channelsRefused.add()
    this.#context.recorder.link.channelState.record(channel, 'opened', 'closed', reason)
    const bytes = refusalMessage(traits, reason)
    if (bytes) this.#outputs.push({ type: 'channel-send', channel, bytes })
    this.#outputs.push({ type: 'close-channel', channel })
  }

  #handleEvents(session: ChannelSession, nowMs: number): void {
    for (let event = session.takeEvent(); event; event = session.takeEvent()) {
      this.#handleEvent(session, event, nowMs)
    }
  }

  #handleEvent(session: ChannelSession, event: SessionEvent, nowMs: number): void {
    switch (event.type) {
      case 'established':
        this.#sessionEstablished(session, event.remote, nowMs)
        return
      case 'frame': {
        const link = this.#linkOf(session)
        if (!link) return
        if (link.frameReceived(session)) this.#linkSwitched(link, 'followed')
        const { kind, payload } = event
        this.#outputs.push({ type: 'frame', peer: link.remote.peer, kind, payload })
        return
      }
      case 'measured': {
        const link = this.#linkOf(session)
        if (link?.takeNotableRtt()) {
          this.#outputs.push({ type: 'link-changed', link: link.describe() })
        }
        return
      }
      case 'suspect': {
        const link = this.#linkOf(session)
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
      this.#lowerFloor(link.contestDeadlineMs)
      for (const other of link.sessions) this.#touch(other)
    } else {
      if (link) this.#linkDown(peer, 'superseded')
      this.#linksByPeer.set(peer, new NeighbourLink(this.#identity.peer, session))
      this.#linkUp(peer)
      if (link) this.#endLeftOver(link, 'superseded', nowMs)
    }
    this.#dialer.peerLinked(peer, session.transport)
  }

  /** A link is no more: channels of it that are still open end with that reason. */
  #endLeftOver(link: NeighbourLink, reason: WireCloseReason, nowMs: number): void {
    for (const session of link.sessions) {
      session.close(reason, nowMs)
      this.#handleEvents(session, nowMs)
      this.#touch(session)
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
    if (!session.remote) this.#handshakeEnded(session, reason, by, target, nowMs)
    const link = this.#linkOf(session)
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
    this.#touch(link.active)
  }

  #decide(link: NeighbourLink, nowMs: number): void {
    const { active } = link
    link.decide(nowMs)
    if (link.active !== active) this.#linkSwitched(link, 'contest')
    for (const session of link.sessions.slice()) {
      this.#handleEvents(session, nowMs)
      this.#touch(session)
    }
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
    this.#touch(link.active)
  }

  /** The link that the session is a channel of, at present. */
  #linkOf(session: ChannelSession): NeighbourLink | undefined {
    const link = session.remote && this.#linksByPeer.get(session.remote.peer)
    return link?.sessions.includes(session) ? link : undefined
  }

  /** Something about the session changed: it may have to send, and its deadline may be earlier. */
  #touch(session: ChannelSession): void {
    this.#dirty.add(session)
    this.#lowerFloor(session.nextDeadlineMs())
  }

  #lowerFloor(deadlineMs: number): void {
    this.#deadlineFloorMs = Math.min(this.#deadlineFloorMs, deadlineMs)
  }

  #transmit(session: ChannelSession): void {
    const { channel } = session
    const link = this.#linkOf(session)
    const queue = link?.active === session ? link.queue : undefined
    for (
      let bytes = session.transmit(queue, this.#nowMs);
      bytes;
      bytes = session.transmit(queue, this.#nowMs)
    ) {
      this.#outputs.push({ type: 'channel-send', channel, bytes })
    }
    if (session.takeClose()) this.#outputs.push({ type: 'close-channel', channel })
    this.#lowerFloor(session.nextDeadlineMs())
    if (link && queue?.takeWritable()) {
      this.#outputs.push({ type: 'link-writable', peer: link.remote.peer })
    }
  }
}
