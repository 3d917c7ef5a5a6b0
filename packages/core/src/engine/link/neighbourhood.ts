/**
 * The neighbourhood: the root of layer 1, the links of this peer. It admits channels and joins what
 * sessions, links and dial targets decide; see docs/specs/link.md for the rules.
 *
 * The law of engine layers holds: calls change state, `poll` until it gives nothing, come back at
 * `nextDeadlineMs`. Messages are made while polling, so that all that one input caused is gathered
 * into as few of them as can be.
 */

import { assert } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { Fifo } from '../fifo.ts'
import { CertificateVerifier } from '../identity/identity.ts'
import type { Identity } from '../identity/identity.ts'
import { deriveJoinKeys } from '../identity/join-keys.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { ChannelId, ChannelMeeting, DialId } from '../input.ts'
import { keyLifetime } from '../noise/key-use.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import type { ChannelCloseReason, ChannelTraits } from '../../transport/channel.ts'
import type { DialFailureReason, TransportCapabilities } from '../../transport/transport.ts'
import { admissionRefusal, refusalMessage } from './channel-admission.ts'
import { ChannelSession, isSecured } from './channel-session.ts'
import type { WireCloseReason } from './close-reason.ts'
import { Dialer } from './dialer.ts'
import type { AddressDiscovery } from './dialer.ts'
import type { DialTarget } from './dial-target.ts'
import { framePayloadBytesMax, payloadBytesOf, priorityIndexOf } from './frame.ts'
import { KnownPeers } from './known-peers.ts'
import { LinkHandshake } from './link-handshake.ts'
import type { HandshakeOptions } from './link-handshake.ts'
import type {
  FramePayload,
  LinkDescription,
  LinkPort,
  LinkSendResult,
  MeshFrameKind,
  Priority,
} from './link-port.ts'
import { LinkTable } from './link-table.ts'
import { wakeGraceMs } from './liveness.ts'
import type { NeighbourhoodOutput, WakeReason } from './neighbourhood-output.ts'
import { meetingProblem } from './problem-log.ts'
import { SessionTable } from './session-table.ts'

/** A deadline that comes later than this means that the machine slept, in milliseconds. */
export const wakeAfterMs = 3_000

export interface NeighbourhoodOptions {
  readonly identity: Identity
  readonly app: string
  /** 32 bytes. */
  readonly secret: Uint8Array
  /** Count of this peer's boots. */
  readonly epoch: number
  /** How much one key of a channel seals; a shorter life is for tests. */
  readonly keyLifetime?: KeyLifetime
}

/** See the file header. */
export class Neighbourhood implements LinkPort {
  readonly #context: EngineContext
  readonly #handshakeOptions: HandshakeOptions
  readonly #keyLifetime: KeyLifetime
  readonly #dialer: Dialer
  readonly #sessions: SessionTable
  readonly #links: LinkTable
  readonly #outputs = new Fifo<NeighbourhoodOutput>()
  #nowMs = 0
  #isStopped = false
  #isHidden = false
  #wokeAtMs = Number.NEGATIVE_INFINITY

  constructor(context: EngineContext, options: NeighbourhoodOptions) {
    const { identity, app, secret, epoch } = options
    const { cryptography, random } = context
    this.#context = context
    this.#keyLifetime = options.keyLifetime ?? keyLifetime
    this.#dialer = new Dialer(context)
    this.#sessions = new SessionTable(context)
    this.#links = new LinkTable(context, {
      localPeer: identity.peer,
      sessions: this.#sessions,
      dialer: this.#dialer,
      outputs: this.#outputs,
    })
    this.#handshakeOptions = {
      identity,
      joinKeys: deriveJoinKeys(app, secret, cryptography),
      verifier: new CertificateVerifier(cryptography),
      knownPeers: new KnownPeers(epoch),
      epoch,
      cryptography,
      random,
    }
  }

  /** The tag of this peer's app under that salt (HS4). */
  appTag(salt: Uint8Array): Uint8Array {
    return this.#handshakeOptions.joinKeys.appTag(salt)
  }

  /** A transport runs; its addresses and wanted peers are dialled from now on. */
  transportStarted(transport: string, capabilities: TransportCapabilities, nowMs: number): void {
    if (!this.#isStopped) this.#dialer.transportStarted(transport, capabilities, nowMs)
  }

  /** A transport is gone, and with it its addresses and wanted peers. Its channels close by themselves. */
  transportStopped(transport: string, nowMs: number): void {
    this.#dialer.transportStopped(transport, nowMs)
  }

  /**
   * Dials the address, and again whenever its link is down, until it is lost. Idempotent. One that was
   * discovered is held until `holdAddress` says otherwise.
   */
  addressFound(
    transport: string,
    address: string,
    nowMs: number,
    discovery?: AddressDiscovery,
  ): void {
    if (this.#isStopped) return
    this.#dialer.addressFound(transport, address, discovery, nowMs)
  }

  /** Whether an address that was discovered is dialled. */
  holdAddress(transport: string, address: string, isHeld: boolean, nowMs: number): void {
    this.#dialer.holdAddress(transport, address, isHeld, nowMs)
  }

  /** Ends the link to a peer that is reached without it. */
  dropLink(peer: PeerId, nowMs: number): void {
    this.#nowMs = nowMs
    for (const session of this.#links.get(peer)?.sessions.slice() ?? []) {
      session.close('surplus', nowMs)
      this.#links.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
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
    const sessions = this.#links.get(peer)?.sessions ?? []
    const isLinked = sessions.some((other) => other.usable && other.transport === transport)
    this.#dialer.want(peer, transport, isLinked, nowMs)
  }

  /** Nobody sees the page any more, or somebody does again: hellos become rare, or what they were. */
  setHidden(isHidden: boolean, nowMs: number): void {
    if (isHidden === this.#isHidden) return
    this.#nowMs = nowMs
    this.#isHidden = isHidden
    for (const session of this.#sessions.byChannel.values()) {
      session.setHidden(isHidden, nowMs)
      this.#sessions.touch(session)
    }
  }

  /**
   * This machine slept for that long: silence meanwhile proves nothing, and waiting to dial again helps
   * nobody. A clock that leaps tells what late deadlines have told already, if there were any.
   */
  woke(sleptMs: number, reason: WakeReason, nowMs: number): void {
    if (reason === 'clock-leap' && nowMs < this.#wokeAtMs + wakeGraceMs) return
    this.#wokeAtMs = nowMs
    this.#nowMs = nowMs
    this.#context.recorder.link.wakes.add()
    this.#outputs.push({ type: 'woke', sleptMs, reason })
    for (const session of this.#sessions.byChannel.values()) {
      session.woke(sleptMs, nowMs)
      this.#sessions.touch(session)
    }
    this.#dialer.hurry(nowMs)
  }

  /** The network may be another one: all are asked for a sign of life, and dialled at once. */
  hurry(nowMs: number): void {
    this.#nowMs = nowMs
    for (const session of this.#sessions.byChannel.values()) {
      session.probe()
      this.#sessions.touch(session)
    }
    this.#dialer.hurry(nowMs)
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
      readonly meeting?: ChannelMeeting
    },
    nowMs: number,
  ): void {
    this.#nowMs = nowMs
    const { channel, transport, traits, dial, meeting } = opening
    const target = dial === undefined ? undefined : this.#dialer.dialOpened(dial)
    const refusal = this.#refusalOf(traits, dial !== undefined, target)
    if (refusal !== undefined) {
      this.#refuse(channel, traits, refusal)
      if (target) this.#dialer.targetEnded(target, refusal, nowMs)
      if (meeting) {
        const problem = meetingProblem(refusal, 'local', transport)
        this.#outputs.push({
          type: 'meeting-ended',
          meeting: meeting.id,
          outcome: { ok: false, problem },
        })
      }
      return
    }
    const expectedPeer = target?.expectedPeer ?? meeting?.expectedPeer
    const hasBegun = dial !== undefined || meeting?.expectedPeer !== undefined
    const role = hasBegun ? 'initiator' : 'responder'
    const handshake = new LinkHandshake(this.#handshakeOptions, {
      role,
      binding: isSecured(traits) ? traits.binding : undefined,
      expectedPeer,
      lastPeer: target?.peer,
    })
    const session = new ChannelSession(
      this.#context,
      { channel, transport, traits, role, handshake, keyLifetime: this.#keyLifetime },
      nowMs,
    )
    session.setHidden(this.#isHidden, nowMs)
    this.#sessions.add(session)
    if (target) this.#links.dialled(session, target)
    if (meeting) this.#links.met(session, meeting.id)
    session.start()
    this.#sessions.touch(session)
  }

  channelReceived(channel: ChannelId, bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.byChannel.get(channel)
    if (!session) return
    session.receive(bytes, nowMs)
    this.#links.handleEvents(session, nowMs)
    const link = this.#links.linkOf(session)
    if (link && link.deadlineMs !== Number.POSITIVE_INFINITY) this.#links.reconsider(link, nowMs)
    this.#sessions.touch(session)
  }

  channelDrained(channel: ChannelId, drainedBytes: number, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.byChannel.get(channel)
    if (!session) return
    session.drained(drainedBytes, nowMs)
    this.#sessions.touch(session)
  }

  channelClosed(channel: ChannelId, reason: ChannelCloseReason, nowMs: number): void {
    this.#nowMs = nowMs
    const session = this.#sessions.byChannel.get(channel)
    if (!session) return
    const wasOver = session.state === 'closing' || session.state === 'closed'
    session.channelClosed(reason)
    this.#links.handleEvents(session, nowMs)
    if (!wasOver) this.#links.channelLost(session, `channel-${reason}`, nowMs)
    this.#sessions.remove(session)
  }

  dialFailed(dial: DialId, reason: DialFailureReason, message: string, nowMs: number): void {
    const target = this.#dialer.dialFailed(dial, reason, nowMs)
    if (target) this.#links.dialFailed(target, reason, message)
  }

  send(
    neighbour: PeerId,
    kind: MeshFrameKind,
    priority: Priority,
    payload: FramePayload,
    nowMs: number,
  ): LinkSendResult {
    const bytes = payloadBytesOf(payload)
    assert(bytes <= framePayloadBytesMax, `frame of ${bytes} bytes`)
    this.#nowMs = nowMs
    const link = this.#links.get(neighbour)
    if (!link || this.#isStopped) return 'no-link'
    if (!link.offer(priorityIndexOf(priority), { kind, payload })) {
      this.#context.recorder.link.sendsRefused.add()
      return 'full'
    }
    if (link.carrier) this.#sessions.touch(link.carrier)
    return 'accepted'
  }

  /** The neighbours of this moment, in the order in which they came. */
  links(): readonly LinkDescription[] {
    return Array.from(this.#links.all(), (link) => link.describe())
  }

  /** Sends what credit allows, says farewell to all and closes; nothing is dialled any more. */
  stop(nowMs: number): void {
    this.#nowMs = nowMs
    this.#isStopped = true
    this.#dialer.stop()
    for (const session of this.#sessions.byChannel.values()) {
      this.#transmit(session)
      session.close('stopped', nowMs)
      this.#links.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
  }

  /** Bytes of frames that are held for each neighbour, waiting or not acknowledged. */
  heldBytes(): readonly number[] {
    return Array.from(this.#links.all(), (link) => link.heldBytes)
  }

  handleDeadline(nowMs: number): void {
    const lateMs = nowMs - this.nextDeadlineMs()
    this.#nowMs = nowMs
    if (lateMs > wakeAfterMs) this.woke(lateMs, 'late-deadline', nowMs)
    for (const session of this.#sessions.byChannel.values()) {
      if (session.nextDeadlineMs() > nowMs) continue
      session.handleDeadline(nowMs)
      this.#links.handleEvents(session, nowMs)
      this.#sessions.touch(session)
    }
    for (const link of this.#links.all()) {
      if (nowMs >= link.deadlineMs) this.#links.reconsider(link, nowMs)
    }
    this.#dialer.handleDeadline(nowMs)
    this.#sessions.raiseFloor()
  }

  nextDeadlineMs(): number {
    const floorMs = this.#sessions.floorMs(() =>
      Array.from(this.#links.all(), (link) => link.deadlineMs),
    )
    return Math.min(floorMs, this.#dialer.nextDeadlineMs())
  }

  /** What has happened; nothing is sent yet. */
  pollEvent(): NeighbourhoodOutput | undefined {
    return this.#outputs.shift() ?? this.#dialer.poll()
  }

  /**
   * The same, and messages of all that waits to be sent. To be called when the layers above are quiet:
   * what one input makes them send then goes in as few messages as can be, and the most urgent first.
   */
  poll(): NeighbourhoodOutput | undefined {
    for (;;) {
      const output = this.pollEvent()
      if (output) return output
      const session = this.#sessions.takeTouched()
      if (!session) return undefined
      this.#transmit(session)
    }
  }

  #refusalOf(
    traits: ChannelTraits,
    isDialled: boolean,
    target: DialTarget | undefined,
  ): WireCloseReason | undefined {
    if (this.#isStopped || (isDialled && !target)) return 'stopped'
    return admissionRefusal(traits, isDialled, this.#sessions.byChannel)
  }

  /** Closes a channel that gets no session. */
  #refuse(channel: ChannelId, traits: ChannelTraits, reason: WireCloseReason): void {
    this.#context.recorder.link.channelsRefused.add()
    this.#context.recorder.link.channelState.record(channel, 'opened', 'closed', reason)
    const bytes = refusalMessage(this.#context, traits, reason, this.#nowMs)
    if (bytes) this.#outputs.push({ type: 'channel-send', channel, bytes })
    this.#outputs.push({ type: 'close-channel', channel })
  }

  #transmit(session: ChannelSession): void {
    const { channel } = session
    const link = this.#links.linkOf(session)
    const carried = link?.carrier === session ? link : undefined
    for (
      let bytes = session.transmit(carried, this.#nowMs);
      bytes;
      bytes = session.transmit(carried, this.#nowMs)
    ) {
      this.#outputs.push({ type: 'channel-send', channel, bytes })
    }
    if (session.takeClose()) this.#outputs.push({ type: 'close-channel', channel })
    this.#sessions.lowerFloor(session.nextDeadlineMs())
    if (!carried) return
    this.#context.recorder.link.framesResent.add(carried.takeResentCount())
    if (carried.takeWritable()) {
      this.#outputs.push({ type: 'link-writable', peer: carried.remote.peer })
    }
  }
}
