/**
 * The link to one neighbour: its channels, of which one is active and the others are warm spares, and
 * the frames that go over them (rules LK8, LK9 and LK30 to LK36 of docs/specs/link.md).
 *
 * Joins the parts: `Bundle` says which channel carries, `DuplicateContest` which ones are too many.
 */

import { assert } from '../assert.ts'
import type { PeerId } from '../identity/peer-id.ts'
import { Bundle } from './bundle.ts'
import type { BundleEvent, BundleOptions } from './bundle.ts'
import { encodeBundleFrame } from './bundle-frame.ts'
import type { BundleFrame, FrameCounts } from './bundle-frame.ts'
import type { ChannelSession } from './channel-session.ts'
import { DuplicateContest } from './duplicate-contest.ts'
import type { ContestResult } from './duplicate-contest.ts'
import type { OutgoingFrame, PriorityIndex } from './frame.ts'
import type { RemoteIdentity } from './link-handshake.ts'
import type { LinkDescription } from './link-port.ts'

/** Proven channels to one neighbour, at most; more are closed with `limit`. */
export const channelsPerLinkMax = 4

/** A measured round trip is worth telling when it moved by this part, and by a millisecond. */
const notableChange = 0.2

/** What counts the links and frames of a neighbour. */
type Numbers = Pick<BundleOptions, 'nextSerial' | 'firsts'>

/** One neighbour, of one boot; it stays for a while when its link is over, since numbers go on. */
export class NeighbourLink {
  readonly remote: RemoteIdentity
  readonly #bundle: Bundle<ChannelSession>
  readonly #contest = new DuplicateContest()
  readonly #sessions: ChannelSession[] = []
  #toldRttMs: number | undefined

  constructor(localPeer: PeerId, remote: RemoteIdentity, numbers: Numbers) {
    this.remote = remote
    this.#bundle = new Bundle({ decides: localPeer < remote.peer, ...numbers })
  }

  /** The numbers that no frame to the neighbour has had yet. */
  get unusedNumbers(): FrameCounts {
    return this.#bundle.outbound.unusedNumbers
  }

  /** The channel that the link is said to have. It may be gone while another takes over. */
  get active(): ChannelSession {
    const { active } = this.#bundle
    assert(active !== undefined, 'a link has a channel')
    return active
  }

  /** The channel that mesh frames are sent on now, if there is one. */
  get carrier(): ChannelSession | undefined {
    return this.#bundle.carrier
  }

  /** All proven channels. */
  get sessions(): readonly ChannelSession[] {
    return this.#sessions
  }

  /** When `reconsider` is due though nothing happens. */
  get deadlineMs(): number {
    return Math.min(this.#bundle.deadlineMs, this.#contest.deadlineMs)
  }

  /** Enough has come that the carrier should acknowledge it at once. */
  get isReceiptDue(): boolean {
    return this.#bundle.isReceiptDue
  }

  /** Bytes of frames that wait, or that the neighbour has not acknowledged. */
  get heldBytes(): number {
    const { waitingBytes, keptBytes } = this.#bundle.outbound
    return waitingBytes + keptBytes
  }

  describe(): LinkDescription {
    const { transport, cost, rttMs, health, path } = this.active
    const { peer, publicKey } = this.remote
    const isSuspect = health === 'suspect'
    return { peer, publicKey, transport, cost, rttMs, isSuspect, ...path }
  }

  /** A proven channel to the neighbour; with the first one the link begins. */
  add(session: ChannelSession, nowMs: number): void {
    if (this.#sessions.length >= channelsPerLinkMax) {
      session.close('limit', nowMs)
      return
    }
    this.#sessions.push(session)
    this.#bundle.add(session)
  }

  /** A channel has ended; false when it was the last one, and the link is over. */
  remove(session: ChannelSession): boolean {
    const index = this.#sessions.indexOf(session)
    if (index >= 0) this.#sessions.splice(index, 1)
    this.#bundle.remove(session)
    return this.#sessions.length > 0
  }

  /** Takes a frame into the queue, or refuses it. */
  offer(priority: PriorityIndex, frame: OutgoingFrame): boolean {
    return this.#bundle.outbound.offer(priority, frame, this.active.queueBytesMax)
  }

  /** Whether a priority that refused has room again; asks once for each time. */
  takeWritable(): boolean {
    return this.#bundle.outbound.takeWritable()
  }

  /** The next mesh frame for the carrier, or what goes before it; called only when it will be sent. */
  take(priority: PriorityIndex): OutgoingFrame | undefined {
    return this.#bundle.outbound.take(priority)
  }

  /** How many frames were sent again on another channel since this was last asked. */
  takeResentCount(): number {
    const { outbound } = this.#bundle
    const count = outbound.resentFrames
    outbound.resentFrames = 0
    return count
  }

  /** What the carrier acknowledges, if it is time to; with a hello it always is. */
  takeReceipt(withHello: boolean): OutgoingFrame | undefined {
    const receipt = this.#bundle.takeReceipt(withHello)
    return receipt && { kind: 'bundle-switch', payload: encodeBundleFrame(receipt) }
  }

  /** A mesh frame came on that channel. False when it is to be dropped. */
  accepts(session: ChannelSession, priority: PriorityIndex, payloadBytes: number): boolean {
    return this.#bundle.accepts(session, priority, payloadBytes)
  }

  /** A frame of kind `bundle-switch` came on that channel. False when it breaks a rule. */
  bundleReceived(
    session: ChannelSession,
    priority: PriorityIndex,
    frame: BundleFrame,
    nowMs: number,
  ): boolean {
    const hadJoined = this.#bundle.hasJoined(session)
    const isFine = this.#bundle.received(session, priority, frame)
    if (this.#bundle.decides && !hadJoined && this.#bundle.hasJoined(session)) {
      this.#contest.enter(session, this.#joinedOthers(session), nowMs)
    }
    return isFine
  }

  /** The active channel leaves data unanswered: which of the others live is good to know. */
  probeSpares(): void {
    for (const session of this.#sessions) {
      if (session !== this.#bundle.active) session.probe()
    }
  }

  /** Sees to it that the right channel is active; ends those that are too many. */
  reconsider(nowMs: number): void {
    for (const result of this.#contest.decide(this.#sessions, nowMs))
      this.#endContest(result, nowMs)
    this.#bundle.reconsider(nowMs)
    for (const session of this.#sessions) {
      const isActive = session === this.#bundle.active
      session.setSpare(!isActive && this.#bundle.hasJoined(session), nowMs)
    }
  }

  /** The next thing that `reconsider`, or what came, has led to. */
  takeEvent(): BundleEvent<ChannelSession> | undefined {
    const event = this.#bundle.takeEvent()
    if (event?.type === 'switched') this.#toldRttMs = this.active.rttMs
    return event
  }

  /** Whether the round-trip time has moved enough since it was last asked. */
  takeNotableRtt(): boolean {
    const rttMs = this.active.rttMs
    if (rttMs === undefined) return false
    const toldMs = this.#toldRttMs
    const movedMs = toldMs === undefined ? Number.POSITIVE_INFINITY : Math.abs(rttMs - toldMs)
    if (movedMs < 1 || (toldMs !== undefined && movedMs < toldMs * notableChange)) return false
    this.#toldRttMs = rttMs
    return true
  }

  #joinedOthers(session: ChannelSession): readonly ChannelSession[] {
    return this.#sessions.filter((other) => other !== session && this.#bundle.hasJoined(other))
  }

  #endContest({ stays, leave }: ContestResult, nowMs: number): void {
    // What was sent on those that leave and has not come goes out again on the one that stays.
    if (leave.some(({ session }) => session === this.active)) {
      this.#bundle.replaceActive(stays, nowMs)
    }
    for (const { session, reason } of leave) session.close(reason, nowMs)
  }
}
