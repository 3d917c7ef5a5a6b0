/**
 * One channel from opening to close: handshake, frames, sealing, signs of life and credit.
 *
 *     handshaking ──► up ◄──► suspect
 *          │           │         │
 *          └──────► closing ◄────┘
 *                      └──► closed
 *
 * Each transition leaves an event with its reason. A session decides nothing about its link: what
 * the neighbourhood must know it tells through `takeEvent`.
 */

import { unreachable } from '../assert.ts'
import type { EngineContext } from '../context.ts'
import { Fifo } from '../fifo.ts'
import type { ChannelId } from '../input.ts'
import type { KeyLifetime } from '../noise/key-use.ts'
import type { ChannelCost, ChannelTraits } from '../../transport/channel.ts'
import { decodeBundleFrame, encodeBundleFrame } from './bundle-frame.ts'
import type { BundleFrame } from './bundle-frame.ts'
import type { JudgedChannel } from './channel-choice.ts'
import type { ChannelMessages } from './channel-messages.ts'
import { ChannelReceiver } from './channel-receiver.ts'
import type { OpenedFrame, ReceiveFault } from './channel-receiver.ts'
import { ChannelSender } from './channel-sender.ts'
import type { MeshFrames } from './channel-sender.ts'
import { decodeCloseReason, encodeCloseReason } from './close-reason.ts'
import type { CloseReason, WireCloseReason } from './close-reason.ts'
import { frameKindOf } from './frame.ts'
import type { PriorityIndex } from './frame.ts'
import { FrameCipher } from './frame-cipher.ts'
import { decodeHello } from './hello.ts'
import type { LinkHandshake, LinkHandshakeStep, RemoteIdentity } from './link-handshake.ts'
import type { LinkDescription } from './link-port.ts'
import { helloIntervalMsOf, hiddenHelloIntervalMs, Liveness } from './liveness.ts'
import { messagesOfChannel } from './messages-of-channel.ts'
import { queueBytesMax, queueMsMax } from './send-queue.ts'
import type { SessionEvent, SessionOptions, SessionState } from './session-event.ts'

/** A handshake that takes longer is given up, in milliseconds. */
export const handshakeTimeoutMs = 10_000

/** A farewell that the other end does not answer is final after this time, in milliseconds. */
export const farewellTimeoutMs = 2_000

/** The state machine of one channel. */
export class ChannelSession {
  readonly channel: ChannelId
  readonly transport: string
  readonly traits: ChannelTraits
  readonly role: 'initiator' | 'responder'
  readonly #context: EngineContext
  readonly #handshake: LinkHandshake
  readonly #openedAtMs: number
  readonly #keyLifetime: KeyLifetime
  readonly #cipher = new FrameCipher()
  readonly #messages: ChannelMessages
  readonly #sender: ChannelSender
  readonly #receiver: ChannelReceiver
  readonly #events = new Fifo<SessionEvent>()
  #state: SessionState = 'handshaking'
  #stateDeadlineMs: number
  #liveness: Liveness | undefined
  #remote: RemoteIdentity | undefined
  #mustClose = false
  #isSpare = false
  #isHidden = false
  #isDoubted = false
  #hasJoined = false

  constructor(context: EngineContext, options: SessionOptions, nowMs: number) {
    this.#context = context
    this.channel = options.channel
    this.transport = options.transport
    this.traits = options.traits
    this.role = options.role
    this.#handshake = options.handshake
    this.#messages = messagesOfChannel(context, options.traits)
    this.#sender = new ChannelSender(context, this.#messages, this.#cipher)
    this.#receiver = new ChannelReceiver(context, this.#messages, this.#cipher)
    this.#openedAtMs = nowMs
    this.#keyLifetime = options.keyLifetime
    this.#stateDeadlineMs = nowMs + handshakeTimeoutMs
  }

  get state(): SessionState {
    return this.#state
  }

  /** The other end, once proven. */
  get remote(): RemoteIdentity | undefined {
    return this.#remote
  }

  /** The other end is known to have completed the handshake too. */
  get isConfirmed(): boolean {
    return this.#remote !== undefined && !this.#receiver.believesClearFarewell
  }

  /** Messages received so far. */
  get receivedMessages(): number {
    return this.#receiver.receivedMessages
  }

  get rttMs(): number | undefined {
    return this.#messages.rttMs ?? this.#liveness?.rttMs
  }

  /** What the channel carries, as far as that is known. */
  get path(): Pick<LinkDescription, 'bandwidthBytesPerSecond' | 'lossRatio' | 'messageBytes'> {
    const { bandwidthBytesPerSecond, messageBytes } = this.#messages
    const { lossRatio = this.#liveness?.lossRatio } = this.#messages
    return { bandwidthBytesPerSecond, lossRatio, messageBytes }
  }

  /** Bytes of frames that may wait for it at one priority. */
  get queueBytesMax(): number {
    const { bandwidthBytesPerSecond } = this.#messages
    if (bandwidthBytesPerSecond === undefined) return queueBytesMax
    return Math.min(queueBytesMax, (bandwidthBytesPerSecond / 1000) * queueMsMax)
  }

  /** Up or suspect: mesh frames can be sent. */
  get usable(): boolean {
    return this.#state === 'up' || this.#state === 'suspect'
  }

  /** When the latest hello left that the other end is known to have received. */
  get answeredAtMs(): number {
    return this.#liveness?.answeredAtMs ?? Number.NEGATIVE_INFINITY
  }

  get cost(): ChannelCost {
    return this.traits.cost
  }

  /** How well the other end is heard. */
  get health(): JudgedChannel['health'] {
    if (!this.usable) return 'over'
    if (this.#state === 'suspect') return 'suspect'
    return this.#isDoubted ? 'doubted' : 'up'
  }

  /** Whether it is kept in reserve behind another channel to the neighbour: then it says little. */
  setSpare(isSpare: boolean, nowMs: number): void {
    if (isSpare === this.#isSpare) return
    this.#isSpare = isSpare
    this.#liveness?.setInterval(this.#helloIntervalMs(), nowMs)
  }

  /** Whether nobody sees the page of this end: then it says even less. */
  setHidden(isHidden: boolean, nowMs: number): void {
    if (isHidden === this.#isHidden) return
    this.#isHidden = isHidden
    this.#liveness?.setInterval(this.#helloIntervalMs(), nowMs)
  }

  /** Begins the handshake where it is this end's move. */
  start(): void {
    if (this.role === 'initiator') this.#sendAuth(this.#handshake.start())
  }

  /** The next thing the neighbourhood must know. */
  takeEvent(): SessionEvent | undefined {
    return this.#events.shift()
  }

  /** One message came. */
  receive(bytes: Uint8Array, nowMs: number): void {
    const isHeard = this.#receiver.load(bytes, nowMs)
    if (this.#isOver()) {
      this.#receiver.discard()
      return
    }
    if (isHeard) this.#heard(nowMs)
    while (!this.#isOver()) {
      const frame = this.#receiver.next()
      if (!frame) break
      this.#take(frame, nowMs)
    }
    if (this.#receiver.fault !== undefined) this.#fail(this.#receiver.fault, nowMs)
  }

  drained(totalBytes: number, nowMs: number): void {
    this.#messages.drained(totalBytes, nowMs)
  }

  /** Asks the other end for a sign of life. */
  probe(): void {
    this.#liveness?.probe()
  }

  /** Says something about the channels of the link; what it makes out of date is left unsaid. */
  sayBundle(frame: BundleFrame): void {
    const slot = frame.type === 'join' ? undefined : 'switch'
    this.#sender.say({ kind: 'bundle-switch', payload: encodeBundleFrame(frame) }, slot)
  }

  /** This machine slept for that long: silence meanwhile proves nothing. */
  woke(sleptMs: number, nowMs: number): void {
    this.#liveness?.woke(nowMs)
    if (this.#state === 'handshaking') this.#stateDeadlineMs += sleptMs
  }

  /** Says farewell with a reason and closes the channel after it. Idempotent. */
  close(reason: WireCloseReason, nowMs: number): void {
    if (this.#isOver()) return
    this.#sayFarewell(reason)
    this.#enter('closing', reason)
    this.#stateDeadlineMs = nowMs + farewellTimeoutMs
    this.#events.push({ type: 'ended', reason, by: 'local' })
  }

  /** The channel is gone. */
  channelClosed(reason: string): void {
    if (this.#state !== 'closed') this.#enter('closed', reason)
  }

  handleDeadline(nowMs: number): void {
    this.#messages.handleDeadline(nowMs)
    switch (this.#state) {
      case 'handshaking':
        if (nowMs >= this.#stateDeadlineMs) this.close('handshake-timeout', nowMs)
        return
      case 'up':
      case 'suspect':
        this.#judge(nowMs)
        return
      case 'closing':
        // The farewell found no credit for all this time: the channel closes without it.
        if (nowMs >= this.#stateDeadlineMs) {
          this.#sender.fallSilent()
          this.#mustClose = true
        }
        return
      case 'closed':
        return
      default:
        unreachable(this.#state)
    }
  }

  nextDeadlineMs(): number {
    if (this.#state === 'closed' || this.#mustClose) return Number.POSITIVE_INFINITY
    const stateDeadlineMs =
      this.usable && this.#liveness
        ? this.#liveness.nextDeadlineMs(this.#state === 'suspect')
        : this.#stateDeadlineMs
    return Math.min(stateDeadlineMs, this.#messages.nextDeadlineMs())
  }

  /** The next message for the channel, with mesh frames where they are given. */
  transmit(meshFrames: MeshFrames | undefined, nowMs: number): Uint8Array | undefined {
    if (this.#state === 'closed' || this.#mustClose) return undefined
    return this.usable
      ? this.#sender.transmit(meshFrames, this.#liveness, nowMs)
      : this.#sender.transmit(undefined, undefined, nowMs)
  }

  /** True once, when everything is said and the channel is to be closed. */
  takeClose(): boolean {
    if (this.#state !== 'closing') return false
    if (!this.#sender.saidAll && !this.#mustClose) return false
    this.#mustClose = true
    this.#enter('closed', 'said farewell')
    return true
  }

  #take({ kindCode, priority, payload }: OpenedFrame, nowMs: number): void {
    const kind = frameKindOf(kindCode)
    const { link } = this.#context.recorder
    if (kind === 'close') {
      this.#farewellReceived(decodeCloseReason(payload), nowMs)
      return
    }
    if (this.#state === 'handshaking') {
      if (kind === 'auth') this.#takeStep(this.#handshake.read(payload), nowMs)
      else if (kind === undefined) link.framesSkipped.add()
      else this.#receiver.refuse()
      return
    }
    this.#receiver.believesClearFarewell = false
    switch (kind) {
      case 'hello': {
        const hello = decodeHello(payload)
        if (!hello) return this.#receiver.refuse()
        return this.#takeHelloOutcome(this.#liveness?.helloReceived(hello, nowMs))
      }
      case 'route':
      case 'presence':
      case 'packet':
        this.#events.push({ type: 'frame', kind, priority, payload: detached(payload) })
        return
      case 'bundle-switch':
        return this.#takeBundleFrame(priority, decodeBundleFrame(payload))
      case 'auth':
        return this.#receiver.refuse()
      case 'rekey':
        return this.#receiver.rekeyReceived(priority)
      case 'link-control':
        if (!this.#messages.controlReceived(payload, nowMs)) link.framesSkipped.add()
        return
      case 'route-request':
      case 'extension':
      case undefined:
        link.framesSkipped.add()
        return
      default:
        return unreachable(kind)
    }
  }

  #takeBundleFrame(priority: PriorityIndex, frame: BundleFrame | 'malformed' | 'unknown'): void {
    if (frame === 'unknown') return this.#context.recorder.link.framesSkipped.add()
    if (frame === 'malformed') return this.#receiver.refuse()
    // The first frame on a channel is a `join`, and no other one is.
    if ((frame.type === 'join') === this.#hasJoined) return this.#receiver.refuse()
    this.#hasJoined = true
    this.#events.push({ type: 'bundle', priority, frame })
  }

  #takeHelloOutcome(outcome: 'ignored' | 'measured' | 'unmeasured' | undefined): void {
    const { link } = this.#context.recorder
    if (outcome === 'ignored') link.hellosIgnored.add()
    if (outcome !== 'measured') return
    link.rttMs.observe(this.rttMs ?? 0)
    const { bandwidthBytesPerSecond, lossRatio } = this.path
    if (bandwidthBytesPerSecond !== undefined)
      link.bandwidth.observe(bandwidthBytesPerSecond / 1000)
    if (lossRatio !== undefined) link.loss.observe(lossRatio * 1000)
    this.#events.push({ type: 'measured' })
  }

  #takeStep(step: LinkHandshakeStep, nowMs: number): void {
    const { link } = this.#context.recorder
    switch (step.type) {
      case 'send':
        this.#sendAuth(step.message)
        return
      case 'refused':
        this.close(step.reason, nowMs)
        return
      case 'complete':
        if (step.message) this.#sendAuth(step.message)
        if (!isSecured(this.traits)) this.#cipher.secure(step.keys, this.#keyLifetime)
        this.#receiver.proven()
        this.#messages.proven()
        this.#remote = step.remote
        this.#receiver.believesClearFarewell = !step.isConfirmed
        this.#liveness = new Liveness(helloIntervalMsOf(this.traits, this.#isSpare), nowMs)
        this.#liveness.setInterval(this.#helloIntervalMs(), nowMs)
        link.handshakes.add()
        if (step.isReturn) link.handshakesReturned.add()
        link.handshakeMs.observe(nowMs - this.#openedAtMs)
        this.#enter('up', 'proven')
        this.#events.push({ type: 'established', remote: step.remote })
        return
      default:
        unreachable(step)
    }
  }

  #farewellReceived(reason: CloseReason, nowMs: number): void {
    // The answer to a farewell of ours is heard; a farewell of theirs is answered, so that they
    // know that all they sent has arrived.
    if (this.usable) this.#sayFarewell(reason === 'unknown' ? 'stopped' : reason)
    this.#enter('closing', `remote ${reason}`)
    this.#stateDeadlineMs = nowMs + farewellTimeoutMs
    this.#events.push({ type: 'ended', reason, by: 'remote' })
  }

  #judge(nowMs: number): void {
    const verdict = this.#liveness?.verdict(nowMs)
    if (verdict === 'dead') this.close('silent', nowMs)
    else if (verdict === 'suspect' && this.#state === 'up') {
      this.#enter('suspect', 'unanswered')
      this.#events.push({ type: 'suspect' })
    } else if (!this.#isDoubted && this.#liveness?.isDoubted(nowMs)) {
      this.#isDoubted = true
      this.#events.push({ type: 'doubted' })
    }
  }

  #heard(nowMs: number): void {
    this.#liveness?.received(nowMs)
    this.#isDoubted = false
    if (this.#state !== 'suspect') return
    this.#enter('up', 'heard')
    this.#events.push({ type: 'recovered' })
  }

  #helloIntervalMs(): number {
    return this.#isHidden ? hiddenHelloIntervalMs : helloIntervalMsOf(this.traits, this.#isSpare)
  }

  #fail(fault: ReceiveFault, nowMs: number): void {
    const isMalformedHandshake = fault === 'malformed' && this.#state === 'handshaking'
    this.close(isMalformedHandshake ? 'handshake-failed' : 'protocol', nowMs)
  }

  #sendAuth(payload: Uint8Array): void {
    this.#sender.say({ kind: 'auth', payload })
  }

  #sayFarewell(reason: WireCloseReason): void {
    this.#sender.say({ kind: 'close', payload: encodeCloseReason(reason) })
    this.#sender.isEnding = true
  }

  #isOver(): boolean {
    return this.#state === 'closing' || this.#state === 'closed'
  }

  #enter(state: SessionState, reason: string): void {
    this.#context.recorder.link.channelState.record(this.channel, this.#state, state, reason)
    this.#state = state
  }
}

/** The channel itself encrypts, to the very end that was proven: sealing again gains nothing. */
export function isSecured(traits: ChannelTraits): boolean {
  return traits.encrypted && traits.binding !== undefined
}

/** Not a view of a far longer message: who keeps the frame keeps no more than twice its length. */
function detached(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes
}
